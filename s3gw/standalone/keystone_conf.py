"""Keystone's configuration file, with the reason of each setting that is not the default."""

from s3gw.standalone.directory import Layout, write_private

_KEYSTONE = """\
[DEFAULT]
use_stderr = true
default_log_levels = keystone=WARNING,sqlalchemy=WARNING,oslo=WARNING,alembic=WARNING
[database]
connection = sqlite:///keystone/keystone.db
sqlite_synchronous = {fsync}
[identity]
# bcrypt's default of 12 takes 0.25 s of CPU a login; these passwords are random
password_hash_rounds = 4
[token]
provider = fernet
expiration = {token_expiration}
[fernet_tokens]
key_repository = keystone/fernet-keys
[fernet_receipts]
# else Keystone looks into /etc/keystone, and exits
key_repository = keystone/fernet-keys
[credential]
key_repository = keystone/credential-keys
[cache]
# without a cache a token validation takes 20 times as long; dogpile.cache.memory hands out
# the cached object itself, which Keystone then changes
enabled = true
backend = dogpile.cache.memory_pickle
"""


def write(layout: Layout, *, fsync: bool, token_expiration: int) -> None:
    """Write keystone.conf; its paths are relative to the directory."""
    text = _KEYSTONE.format(fsync=str(fsync).lower(), token_expiration=token_expiration)
    write_private(layout.keystone / "keystone.conf", text)
