"""Where Swift is, from Keystone, for who has nobody's token to look it up in.

The rule: it is good for asking Swift how it is.  What a user's requests go to stands in the
user's own token (catalog.py).
"""

from s3gw.config import Swift
from s3gw.identity.catalog import checked_url, storage_url
from s3gw.identity.keystone import KeystoneClient, KeystoneProvider
from s3gw.identity.model import IdentityRefused, IdentityUnavailable


async def find_swift(provider: KeystoneProvider, settings: Swift) -> str | None:
    """As `swift_endpoint`, for who is on the event loop; None whatever stands in the way."""
    if settings.storage_url_template is not None:
        return storage_url(None, settings, "check")
    try:
        return await provider.threads.run(lambda: swift_endpoint(provider.client, settings))
    except (IdentityUnavailable, IdentityRefused):
        return None


def swift_endpoint(client: KeystoneClient, settings: Swift) -> str | None:
    """An endpoint of Swift, None if we may not know; raises IdentityRefused if there is none.

    The catalog of a system-scoped token leaves out endpoints with a project in their URL, as
    Swift's have: these are read from Keystone's own lists, which the role reader may see.
    """
    try:
        return storage_url(client.service_access(), settings, "check")
    except IdentityRefused:
        services = client.request("GET", f"/services?type={settings.service_type}")
        endpoints = client.request("GET", f"/endpoints?interface={settings.interface}")
        if {services.status_code, endpoints.status_code} != {200}:
            return None
        ours = {service["id"] for service in services.json()["services"]}
        found = [
            endpoint
            for endpoint in endpoints.json()["endpoints"]
            if endpoint["service_id"] in ours and endpoint.get("enabled", True)
        ]
        regions = [endpoint.get("region_id") for endpoint in found]
        for endpoint, region in zip(found, regions, strict=True):
            if settings.region in {None, region}:
                return checked_url(endpoint["url"])
        seen = ", ".join(sorted({str(region) for region in regions})) or "none"
        raise IdentityRefused(
            f"no {settings.interface} endpoint of type {settings.service_type} in region "
            f"{settings.region or '(any)'}; regions that have one: {seen}"
        ) from None
