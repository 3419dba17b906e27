"""The embedded backend: a real Keystone and a real Swift on loopback, in child processes.

`launch` runs them together with the gateway until it is told to stop.
"""

from s3gw.standalone.exits import Exit
from s3gw.standalone.launcher import launch
from s3gw.standalone.options import StandaloneOptions

__all__ = ["Exit", "StandaloneOptions", "launch"]
