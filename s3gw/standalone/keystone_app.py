"""Keystone's WSGI application, its database and keys, in werkzeug's threaded server.

The rule: what `keystone-manage` does in four processes and 26 s (db_sync, fernet_setup,
credential_setup, bootstrap) is done here by the same code in the server's own process.
"""

import importlib
import logging
import os
import signal
import socket
from importlib.metadata import version

import keystone.server
from keystone.common import fernet_utils
from keystone.common.sql import upgrades
from keystone.server.flask import application, core
from werkzeug.serving import WSGIRequestHandler, make_server

from s3gw.standalone.directory import Layout, write_private
from s3gw.standalone.sockets import LOOPBACK
from s3gw.standalone.state import REGION, State, load_any

_KEY_REPOSITORIES = {"fernet-keys": "fernet_tokens", "credential-keys": "credential"}


class _Handler(WSGIRequestHandler):
    """Answers without a line of log a request, and without Nagle's delay."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Log nothing."""


def serve(layout: Layout, descriptor: int) -> None:
    """Serve until SIGTERM on the inherited socket; the first start makes the database."""
    keystone.server.configure(config_files=[str(layout.keystone / "keystone.conf")])
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.socket(fileno=descriptor) as listener:
        port = listener.getsockname()[1]
        app = _application(layout, f"http://{LOOPBACK}:{port}/v3")
        server = make_server(
            LOOPBACK,
            port,
            core.setup_app_middleware(app),
            threaded=True,
            request_handler=_Handler,
            fd=descriptor,
        )
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        server.serve_forever()


def _application(layout: Layout, url: str) -> object:
    """The application, over a database that fits the installed Keystone."""
    for repository, group in _KEY_REPOSITORIES.items():
        keys = fernet_utils.FernetUtils(str(layout.keystone / repository), 3, group)
        if not (layout.keystone / repository).is_dir():
            keys.create_key_directory()
            keys.initialize_key_repository(None, None)
    marker = layout.keystone / "bootstrapped"
    installed = version("keystone")
    if marker.exists() and marker.read_text(encoding="ascii") == installed:
        _, app = keystone.server.setup_backends(startup_application_fn=_public_application)
        return app
    upgrades.offline_sync_database_to_version()
    _bootstrap(load_any(layout), url)
    write_private(marker, installed)
    return _public_application()


def _public_application() -> object:
    return application.application_factory("public")


def _bootstrap(state: State, url: str) -> None:
    """Make the admin, the standard roles and the identity service; changes nothing twice."""
    # Imported only here: the module is slow, and a later start does not need it.
    bootstrapper = importlib.import_module("keystone.cmd.bootstrap").Bootstrapper()
    bootstrapper.admin_username = bootstrapper.project_name = "admin"
    bootstrapper.admin_role_name = "admin"
    bootstrapper.admin_password = state.passwords["admin"]
    bootstrapper.service_name = "keystone"
    bootstrapper.service_id = None
    bootstrapper.immutable_roles = True
    bootstrapper.region_id = REGION
    bootstrapper.admin_url = bootstrapper.public_url = bootstrapper.internal_url = url
    bootstrapper.bootstrap()
