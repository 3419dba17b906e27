"""Keys in a file as a provider: for people who rent Swift without Keystone admin rights.

The file (`identity.static_file`) is TOML, a table for each access key:

    [keys.AKIAEXAMPLE]
    secret = "…"                              # or secret_file = "path"
    [keys.AKIAEXAMPLE.login]
    auth_type = "v3applicationcredential"     # any keystoneauth1 plugin, or "v1"
    auth_url = "https://keystone.example.com/v3"
    application_credential_id = "…"
    application_credential_secret_file = "path"

`auth_type = "v1"` is TempAuth and its like (auth_url, username, password), through
python-swiftclient.  The rule: the file is read again when it changed, so that a key that is
taken out stops within `identity.secret_ttl`; a file that became wrong is a provider that does
not answer.
"""

import threading
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from keystoneauth1.identity import BaseIdentityPlugin
from keystoneauth1.session import Session

from s3gw.config import ConfigError, Identity, Swift, read_secret
from s3gw.identity.catalog import swift_login
from s3gw.identity.model import Credential, IdentityRefused, IdentityUnavailable, SwiftLogin
from s3gw.identity.plugins import load_plugin, open_session
from s3gw.identity.threads import Threads

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Key:
    """One access key: its secret, how it logs in, and who that turned out to be."""

    secret: str = field(repr=False)
    plugin: BaseIdentityPlugin
    credential: Credential | None = None
    """Known after the first login: the file does not say which project a login is for."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class StaticProvider:
    """A model.Provider over a file of keys; raises ConfigError when made."""

    def __init__(self, identity: Identity, swift: Swift, clock: Callable[[], float]) -> None:
        if identity.static_file is None:
            raise ConfigError("identity.static_file: is not set")
        self._path: Path = identity.static_file
        self._swift = swift
        self._clock = clock
        self._session: Session = open_session(
            "identity.ca_file", identity.ca_file, identity.timeout, identity.threads
        )
        self._threads = Threads(identity.threads)
        self._lock = threading.Lock()
        self._stamp = _stamp(self._path)
        self._keys = read_keys(self._path)

    async def credential(self, access_key: str) -> Credential | None:
        """The credential of the access key, None if the file has none.

        The first time it logs in, to learn the project.  Raises IdentityUnavailable,
        IdentityRefused.
        """
        return await self._threads.run(lambda: self._find(access_key))

    async def login(self, credential: Credential) -> SwiftLogin:
        """Log in anew; raises IdentityUnavailable, IdentityRefused."""
        return await self._threads.run(lambda: self._login(credential))

    async def project_name(self, project_id: str) -> str | None:
        """None: the file tells nothing of other projects."""
        del project_id
        return None

    async def aclose(self) -> None:
        """Close the connections."""
        self._session.session.close()

    @property
    def access_keys(self) -> tuple[str, ...]:
        """Every access key of the file."""
        return tuple(self._keys)

    def _find(self, access_key: str) -> Credential | None:
        key = self._current().get(access_key)
        if key is None:
            return None
        with key.lock:
            if key.credential is None:
                login, user_id = self._enter(key)
                key.credential = Credential(access_key, key.secret, user_id, login.project_id)
            return key.credential

    def _login(self, credential: Credential) -> SwiftLogin:
        key = self._current().get(credential.access_key)
        if key is None or key.secret != credential.secret:
            raise IdentityRefused("the access key is gone, or has another secret now")
        with key.lock:
            login, _ = self._enter(key)
        if login.project_id != credential.project_id:
            raise IdentityRefused("the login is for another project now")
        return login

    def _enter(self, key: _Key) -> tuple[SwiftLogin, str]:
        """A new token, never one that the plugin remembers: Swift may have refused that."""
        asked_at = self._clock()
        key.plugin.invalidate()
        access: Any = key.plugin.get_access(self._session)
        return swift_login(access, self._swift, asked_at), access.user_id or ""

    def _current(self) -> Mapping[str, _Key]:
        """The keys as the file has them now; raises IdentityUnavailable if it became wrong."""
        with self._lock:
            try:
                stamp = _stamp(self._path)
                if stamp != self._stamp:
                    self._keys = read_keys(self._path)
                    self._stamp = stamp
            except ConfigError as error:
                _log.error("static_file_wrong", reason=str(error))
                raise IdentityUnavailable(str(error)) from error
            return self._keys


def read_keys(path: Path) -> dict[str, _Key]:
    """Every key of the file by its access key; raises ConfigError naming the key at fault."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    tables = document.pop("keys", {})
    if document or not isinstance(tables, dict):
        raise ConfigError(f"{path}: must hold tables [keys.<access key>] and nothing else")
    return {name: _key(f"{path}: keys.{name}", table) for name, table in tables.items()}


def _key(where: str, table: object) -> _Key:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: must be a table")
    for name in table:
        if name not in {"secret", "secret_file", "login"}:
            raise ConfigError(f"{where}.{name}: is not a setting")
    login = table.get("login")
    if not isinstance(login, dict):
        raise ConfigError(f"{where}.login: is required: how the key logs in to Swift")
    return _Key(_secret(where, table), load_plugin(f"{where}.login", login))


def _secret(where: str, table: Mapping[str, Any]) -> str:
    if "secret_file" in table and "secret" not in table:
        secret: object = read_secret(f"{where}.secret_file", Path(str(table["secret_file"])))
    else:
        secret = table.get("secret")
    if not isinstance(secret, str) or not secret or ("secret" in table and "secret_file" in table):
        raise ConfigError(f"{where}.secret: is required, as a text, or else secret_file")
    return secret


def _stamp(path: Path) -> tuple[int, int, int]:
    """What tells that a file was replaced or written; raises ConfigError."""
    try:
        facts = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return facts.st_mtime_ns, facts.st_size, facts.st_ino
