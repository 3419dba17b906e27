"""Versions: what S3's version ids are in Swift."""

from collections.abc import Mapping

from s3gw.s3.errors import InvalidArgument, NotImplemented

NULL = "null"
"""S3's name for the version of an object that was written without versioning."""


def is_versioned(headers: Mapping[str, str]) -> bool:
    """Whether an object lives in a container that has, or had, versioning switched on."""
    return "X-Object-Version-Id" in headers


_KEEPING = ("X-Versions-Enabled", "X-Versions-Location", "X-History-Location")


def keeps_versions(headers: Mapping[str, str]) -> bool:
    """Whether a container keeps, or kept, what is overwritten or deleted in it.

    https://docs.openstack.org/swift/latest/middleware.html#module-swift.common.middleware.versioned_writes
    """
    return any(name in headers for name in _KEEPING)


def check_version_id(version_id: str | None) -> bool:
    """Whether a request names the version `null`; other versions cannot be named yet.

    Raises InvalidArgument, NotImplemented.
    """
    if version_id is None:
        return False
    if not version_id:
        raise InvalidArgument(
            "Version id cannot be the empty string",
            ArgumentName="versionId",
            ArgumentValue=version_id,
        )
    if version_id != NULL:
        raise NotImplemented("Versions other than null are not implemented.", Parameter="versionId")
    return True


def check_null_version(version_id: str | None, headers: Mapping[str, str]) -> None:
    """Refuse an object that is a later version where the request names `null`."""
    if check_version_id(version_id) and headers.get("X-Object-Version-Id", NULL) != NULL:
        raise unnameable()


def unnameable() -> NotImplemented:
    """Why a version of a bucket with versioning cannot be named, be it `null`."""
    return NotImplemented(
        "Naming versions is not implemented in buckets with versioning.", Parameter="versionId"
    )
