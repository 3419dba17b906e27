"""The process that is Keystone: `python -m s3gw.standalone.keystone_role DIR SOCKET`.

The rule: this module does what must be done before anything of Keystone is imported, and
imports it then; the rest is in keystone_app.
"""

import importlib
import sys
import types
import warnings

from s3gw.standalone.directory import enter


def main(root: str, descriptor: str) -> None:
    """Serve Keystone for the data directory on an inherited listening socket."""
    warnings.simplefilter("ignore")
    sys.modules["saml2.xml.schema"] = _no_saml_schemas()
    sys.argv = ["keystone"]  # oslo.config parses it
    importlib.import_module("s3gw.standalone.keystone_app").serve(enter(root), int(descriptor))


def _no_saml_schemas() -> types.ModuleType:
    """Stands in for a module that compiles XML schemas for 1.2 s; only federation needs it."""
    module = types.ModuleType("saml2.xml.schema")
    names = {"XMLSchemaError": type("XMLSchemaError", (Exception,), {}), "validate": None}
    vars(module).update(names, node_to_schema=None)
    return module


if __name__ == "__main__":
    main(*sys.argv[1:])
