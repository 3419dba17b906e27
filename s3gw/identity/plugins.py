"""Logins as settings describe them: keystoneauth1 plugins by name, and the session they use.

The rule: an option that the plugin does not know is an error that names the setting, for a
misspelt `system_scope` would log in with another scope than the operator meant.
https://docs.openstack.org/keystoneauth/latest/plugin-options.html
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions, loading
from keystoneauth1.identity import BaseIdentityPlugin
from keystoneauth1.loading.opts import Opt
from keystoneauth1.session import Session, TCPKeepAliveAdapter

from s3gw.config import ConfigError, read_secret

_FILE = "_file"
_ALIASES = {"v1": "v1password", "tempauth": "v1password"}
"""python-swiftclient brings the plugin of Swift's own v1 logins under a name few know."""
_NEEDED = {"password": "password", "v3password": "password", "token": "token", "v3token": "token"}
"""What keystoneauth1 does not call required, and then misses with an Exception or a TypeError."""


def load_plugin(key: str, settings: Mapping[str, Any]) -> BaseIdentityPlugin:
    """The login that a table of settings describes.

    `auth_type` names the plugin (default `password`), the rest are its options; for a secret
    option, `<option>_file` names a file to read it from.  `key` is the settings key of the
    table, for error texts.  Raises ConfigError.
    """
    options = dict(settings)
    auth_type = options.pop("auth_type", "password")
    loader = _loader(f"{key}.auth_type", auth_type)
    known = _names(loader.get_options())
    given: dict[str, Any] = {}
    for name, value in options.items():
        option, text = _option(f"{key}.{name}", name, value, known)
        if option.dest in given:
            raise ConfigError(f"{key}.{name}: {option.dest} is given twice")
        given[option.dest] = option.type(text)
    if not given.get(needed := _NEEDED.get(auth_type, ""), not needed):
        raise ConfigError(f"{key}.{needed}: is required with auth_type {auth_type}")
    try:
        # The getter fills in what is not given: some plugins insist on every keyword.
        plugin = loader.load_from_options_getter(lambda _: None, **given)
    except exceptions.AuthPluginException as error:
        raise ConfigError(f"{key}: {error}") from error
    if not isinstance(plugin, BaseIdentityPlugin):
        raise ConfigError(f"{key}.auth_type: {auth_type} is not a login that gives tokens")
    return plugin


def open_session(key: str, ca_file: Path | None, timeout: float, connections: int = 1) -> Session:
    """A session that trusts the authorities in `ca_file` (empty: the system's).

    `key` is the settings key of ca_file, `timeout` in seconds; raises ConfigError.
    """
    if ca_file is not None and not ca_file.is_file():
        raise ConfigError(f"{key}: {ca_file} is not a file")
    session = Session(verify=str(ca_file) if ca_file is not None else True, timeout=timeout)
    # Neither proxies nor .netrc passwords from the environment: settings are parsed once.
    session.session.trust_env = False
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, TCPKeepAliveAdapter(pool_maxsize=connections))
    return session


def _loader(key: str, name: object) -> loading.BaseLoader[Any]:
    if not isinstance(name, str):
        raise ConfigError(f"{key}: must be the name of a keystoneauth1 plugin")
    try:
        return loading.get_plugin_loader(_ALIASES.get(name, name))
    except exceptions.NoMatchingPlugin as error:
        raise ConfigError(f"{key}: there is no keystoneauth1 plugin {name}") from error


def _names(options: list[Opt]) -> dict[str, Opt]:
    """Every name an option may have in settings, with underscores: its own and its old ones."""
    return {
        name.replace("-", "_"): option
        for option in options
        for name in (*(old.name for old in option.deprecated), option.name, option.dest)
    }


def _option(key: str, name: str, value: object, known: Mapping[str, Opt]) -> tuple[Opt, Any]:
    """The option of a name, and its value: read from a file if the name ends so."""
    if isinstance(value, (dict, list)) or value is None:
        raise ConfigError(f"{key}: must be a text, a number or a boolean")
    option = known.get(name.replace("-", "_"))
    if option is not None:
        return option, value
    secret = known.get(name.replace("-", "_").removesuffix(_FILE))
    if secret is not None and secret.secret:
        return secret, read_secret(key, Path(str(value)))
    raise ConfigError(f"{key}: is not an option of this auth_type")
