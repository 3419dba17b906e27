"""A browser that uploads a form, byte by byte: botocore signs the policy, the test writes the form.

The rule: as of tests.functional.rawclient: nothing is repaired.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.functional.payloads import Framing
from tests.functional.rawclient import Keys, Pairs, Reply, cut, http_chunks, linked
from tests.functional.secrecy import SESSION
from tests.unit.s3.forms import CONTENT_TYPE, uploading

VERSIONS = ("v4", "v2")

# Neither divides another, nor the boundary's length.
_NASTY = (1, 2, 3, 5, 7, 8191, 16381, 65537)
_SMALL = 4096
"""Bytes up to which a form goes byte by byte."""


def in_an_hour() -> str:
    """An expiration, as policies write it."""
    end = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the client's own clock
    return f"{end:%Y-%m-%dT%H:%M:%S.000Z}"


def signed(
    keys: Keys,
    conditions: Sequence[Any],
    fields: Mapping[str, str],
    *,
    version: str = "v4",
    expiration: str | None = None,
) -> dict[str, str]:
    """The fields of a form, and those with which botocore signs the policy for them."""
    request = AWSRequest(method="POST", url="http://never.example/")
    request.context["s3-presign-post-fields"] = dict(fields)
    policy = {"expiration": expiration or in_an_hour(), "conditions": list(conditions)}
    request.context["s3-presign-post-policy"] = policy
    credentials = Credentials(keys.access_key, keys.secret_key)
    signer: Any = HmacV1PostAuth(credentials)
    if version == "v4":
        signer = S3SigV4PostAuth(credentials, "s3", keys.region)
    signer.add_auth(request)
    found: dict[str, str] = request.context["s3-presign-post-fields"]
    SESSION.keep("a secret key", keys.secret_key)
    signature = found.get("x-amz-signature", found.get("signature", ""))
    SESSION.keep("a signature", signature)
    return found


def allowing(bucket: str, fields: Iterable[str], *more: Any) -> list[Any]:
    """Conditions that let each of the fields have any value."""
    return [{"bucket": bucket}, *(["starts-with", f"${name}", ""] for name in fields), *more]


@dataclass(frozen=True, slots=True)
class Post:
    """A form that is written, and not sent yet."""

    endpoint: str
    path: str
    wire: bytes = field(repr=False)
    framing: Framing = "length"
    headers: Pairs = ()
    content_type: str | None = CONTENT_TYPE

    def head(self, length: int | None = None) -> bytes:
        """Request line and headers; `length`: another Content-Length than the right one."""
        size = len(self.wire) if length is None else length
        pairs = [("Host", urlsplit(self.endpoint).netloc), *self.headers]
        if self.content_type is not None:
            pairs.append(("Content-Type", self.content_type))
        if self.framing == "length":
            pairs.append(("Content-Length", str(size)))
        else:
            pairs.append(("Transfer-Encoding", "chunked"))
        # A Host among the headers replaces the first.
        named = {name.lower(): f"{name}: {value}" for name, value in pairs}
        return "\r\n".join([f"POST {self.path} HTTP/1.1", *named.values(), "\r\n"]).encode()

    def send(self) -> Reply:
        """Send it in small pieces; the answer may come before all of it is sent."""
        sizes = (1,) if len(self.wire) <= _SMALL else _NASTY
        wire = self.wire if self.framing == "length" else http_chunks(self.wire, sizes)
        with linked(self.endpoint) as link:
            with suppress(BrokenPipeError, ConnectionResetError):
                link.send(self.head(), *cut(wire, sizes))
            return link.reply()


@dataclass(frozen=True, slots=True)
class Browser:
    """A page with a form, and a user who has keys."""

    endpoint: str
    keys: Keys
    bucket: str

    def post(
        self,
        fields: Mapping[str, str],
        content: bytes,
        *,
        filename: str = "pic.jpg",
        headers: Pairs = (),
        framing: Framing = "length",
    ) -> Reply:
        """Send the fields and a file as they are."""
        wire = uploading(fields.items(), content, filename)
        return Post(self.endpoint, f"/{self.bucket}", wire, framing, headers).send()

    def upload(
        self,
        fields: Mapping[str, str],
        content: bytes,
        *conditions: Any,
        version: str = "v4",
        **options: Any,
    ) -> Reply:
        """Send them with a signed policy that allows each field, and has further conditions."""
        policy = allowing(self.bucket, fields, *conditions)
        return self.post(signed(self.keys, policy, fields, version=version), content, **options)
