"""From a token's own words to a login: whose project it is, until when, and where Swift is.

The rule: the storage URL comes from the user's own token (or the operator's template), and is
an absolute http(s) URL before anything is sent to it.
"""

from typing import Any
from urllib.parse import quote, urlsplit

from keystoneauth1 import exceptions

from s3gw.config import Swift
from s3gw.identity.model import IdentityRefused, SwiftLogin

_UNSTATED_LIFE = 3600.0
"""Seconds a token is kept that does not say how long it lives; Swift's 401 ends it earlier."""


def swift_login(access: Any, settings: Swift, asked_at: float) -> SwiftLogin:
    """The login that a token stands for.

    `access` is keystoneauth1's AccessInfo, or swiftclient's AccessInfoV1.  The token's life is
    counted from `asked_at` (our clock) and not read as a time of day: the two clocks may differ.
    Raises IdentityRefused.
    """
    if not access.auth_token:
        raise IdentityRefused("the answer holds no token")
    project_id, url = access.project_id, None
    if project_id is None and (url := getattr(access, "storage_url", None)) is not None:
        # A v1 login knows no projects: the account is what its URL ends with.
        url = checked_url(url)
        project_id = urlsplit(url).path.rpartition("/")[2]
    if not project_id:
        raise IdentityRefused("the token is not scoped to a project")
    return SwiftLogin(
        token=access.auth_token,
        storage_url=url or storage_url(access, settings, project_id),
        expires_at=asked_at + _life(access),
        project_id=project_id,
        project_name=getattr(access, "project_name", None) or project_id,
    )


def storage_url(access: Any, settings: Swift, project_id: str) -> str:
    """The URL of the project's Swift account, without a trailing slash; raises IdentityRefused."""
    if settings.storage_url_template is not None:
        project = quote(project_id, safe="")
        return checked_url(settings.storage_url_template.format(project_id=project))
    try:
        url = access.service_catalog.url_for(
            service_type=settings.service_type,
            interface=settings.interface,
            region_name=settings.region,
        )
    except exceptions.CatalogException as error:
        region = "" if settings.region is None else f" in region {settings.region}"
        raise IdentityRefused(
            f"the token's catalog has no {settings.interface} endpoint of type "
            f"{settings.service_type}{region}"
        ) from error
    return checked_url(url)


def checked_url(url: str) -> str:
    """An absolute http(s) URL without trailing slashes.

    Raises IdentityRefused for any other, and for one with a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(mark in url for mark in "?#@ \t\r\n"):
        raise IdentityRefused(f"{url!r} is not the URL of a Swift account")
    return url.rstrip("/")


def _life(access: Any) -> float:
    if access.expires is None:
        return _UNSTATED_LIFE
    return float((access.expires - access.issued).total_seconds())
