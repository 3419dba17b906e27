"""What is copied within Swift, in Swift's terms.

https://docs.openstack.org/api-ref/object-store/#create-or-replace-object
"""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Origin:
    """What is copied: an object, or one of its versions."""

    container: str
    name: str
    account: str = ""
    """Swift's name of its account, empty for the account that is asked."""
    version_id: str | None = None

    def headers(self) -> dict[str, str]:
        """The headers of a PUT that copies it; it takes none of the origin's metadata along."""
        path = f"/{quote(self.container, safe='')}/{quote(self.name, safe='/~')}"
        account = {"X-Copy-From-Account": quote(self.account, safe="")} if self.account else {}
        return {"X-Copy-From": path, "X-Fresh-Metadata": "true", **account}

    def query(self) -> dict[str, str]:
        """What the query of that PUT needs: X-Copy-From takes no version."""
        return {} if self.version_id is None else {"version-id": self.version_id}
