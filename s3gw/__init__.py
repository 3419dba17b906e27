"""s3gw: the S3 front door of OpenStack Swift."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("s3gw")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"
