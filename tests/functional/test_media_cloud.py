"""WordPress Media Cloud (ilab-media-tools 4.6.4), replayed byte for byte over bare sockets.

The plugin's requests as its own SDK (aws-sdk-php 3.211) sends them: the SHA-256 of every body,
`Expires` and an empty `X-Amz-User-Agent` signed, Cache-Control and Content-Type not.  All of it in
both access modes: in mode swift the owner has made the bucket public, as the plugin's public
uploads need it there; in mode s3 the bucket is private, and objects' own ACLs count.  CORS rules
are the gateway's own, since the plugin never sets any.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter

from tests.functional.browser import Browser, signed
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import s3_client
from tests.functional.parties import Answer, Parties, parties
from tests.functional.rawclient import Pairs, Reply, ask, keys_of, linked, sign
from tests.functional.sealing import s3_parties
from tests.functional.stack import Stack
from tests.functional.witness import document

_SITE = "https://blog.example.com"
_CACHE = "public,max-age=2592000"
_EXPIRES = "Wed, 01 Jan 2031 00:00:00 GMT"
_MIB = 1024 * 1024
_ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
_NO_MD5 = base64.b64encode(hashlib.md5(b"").digest()).decode()


@dataclass(frozen=True, slots=True)
class Plugin:
    """The plugin at one bucket."""

    three: Parties
    bucket: str
    mode: str

    @property
    def endpoint(self) -> str:
        """What the site's owner typed in."""
        return self.three.running.endpoint

    def __call__(
        self,
        method: str,
        target: str = "",
        signed: Pairs = (),
        unsigned: Pairs = (),
        body: bytes = b"",
    ) -> Reply:
        """A request of the SDK, path style; the target is what follows the bucket."""
        url = f"{self.endpoint}/{self.bucket}{target}"
        given = [("X-Amz-User-Agent", ""), *signed]
        digest = hashlib.sha256(body).hexdigest()
        request = sign(keys_of(self.three.stack), method, url, given, payload=digest)
        # PHP sends, and signs, the bytes of its texts: UTF-8.
        raw = [(name, value.encode().decode("latin-1")) for name, value in request.headers]
        length = [("Content-Length", str(len(body)))] if method in {"PUT", "POST"} else []
        return ask(self.endpoint, replace(request, headers=raw), body, more=[*unsigned, *length])

    def put(self, key: str, content_type: str, body: bytes, acl: str = "public-read") -> Reply:
        """S3Client::upload below 16 MiB; an ACL of the settings."""
        signed = [("Expires", _EXPIRES), ("x-amz-acl", acl)]
        unsigned = [("Cache-Control", _CACHE), ("Content-Type", content_type)]
        return self("PUT", f"/{quote(key)}", signed, unsigned, body)

    def is_public(self, key: str) -> bool:
        """What the plugin's acl() makes of GetObjectAcl."""
        reply = self("GET", f"/{quote(key)}?acl=")
        assert reply.status == 200
        found = document(reply.body)
        assert found.findtext("Owner/ID") == self.three.stack.project.id
        grants = [
            (grant.findtext("Grantee/URI"), grant.findtext("Permission"))
            for grant in found.iter("Grant")
        ]
        assert (None, "FULL_CONTROL") in grants
        return (_ALL, "READ") in grants

    def update_acl(self, key: str, acl: str) -> Reply:
        """updateACL(), the privacy toggle."""
        return self("PUT", f"/{quote(key)}?acl=", [("x-amz-acl", acl), ("Content-MD5", _NO_MD5)])

    def page(self, key: str) -> Answer:
        """What a reader of the site gets at the object's public URL."""
        return self.three.nobody("GET", f"/{self.bucket}/{quote(key)}")

    def presigned(self, operation: str, key: str, seconds: int) -> str:
        """A presigned URL as the plugin makes them: V4, the host signed and nothing else."""
        s3 = s3_client(self.endpoint, self.three.stack, signature_version="s3v4")
        named = {"Bucket": self.bucket, "Key": key}
        url: str = s3.generate_presigned_url(operation, named, ExpiresIn=seconds)
        return url.removeprefix(self.endpoint)


@pytest.fixture(scope="module", params=["swift", "s3"])
def mode(request: pytest.FixtureRequest) -> str:
    """access.mode."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def three(mode: str, stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    cors = {"allowed_origins": [_SITE]}
    opened = s3_parties if mode == "s3" else parties
    with opened(stack, identity, make_user(), cors=cors) as found:
        yield found


@pytest.fixture
def plugin(three: Parties, mode: str) -> Plugin:
    """The plugin, and a bucket in which its public uploads are public."""
    name = f"media-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    if mode == "swift":
        three.owner_s3.put_bucket_acl(Bucket=name, ACL="public-read")
    return Plugin(three, name, mode)


def test_the_region_is_told_to_who_does_not_sign(plugin: Plugin, stack: Stack) -> None:
    """`auto`, the default: S3MultiRegionClient looks at nothing but the header."""
    for bucket, status in ((plugin.bucket, b"403 Forbidden"), ("never-was", b"404 Not Found")):
        with linked(plugin.endpoint) as link:
            link.send(f"HEAD /{bucket} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = link.rest()
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert f"\r\nx-amz-bucket-region: {stack.region}\r\n".encode() in answer


@pytest.mark.parametrize(
    ("sample", "content_type"), [("sample.txt", "text/plain"), ("sample.jpg", "image/jpeg")]
)
def test_the_wizard(plugin: Plugin, stack: Stack, sample: str, content_type: str) -> None:
    """validateSettings, upload, the public URL, delete; and once more with a picture."""
    probe = plugin.three.nobody("HEAD", f"/{plugin.bucket}")
    assert (probe.status, probe.headers["x-amz-bucket-region"]) == (403, stack.region)
    assert plugin("HEAD").status == 200
    key, content = f"_troubleshooter/{sample}", b"This is a test file from Media Cloud."
    assert plugin("HEAD", f"/{key}").status == 404
    assert plugin.put(key, content_type, content).status == 200
    page = plugin.page(key)
    assert (page.status, page.body) == (200, content)
    assert plugin("DELETE", f"/{key}").status == 204
    assert plugin.page(key).status in {403, 404}


def test_a_bucket_that_is_not_there_is_looked_for_in_the_list(plugin: Plugin) -> None:
    missing = Plugin(plugin.three, f"never-{uuid4().hex}", plugin.mode)
    assert missing("HEAD").status == 404
    request = sign(keys_of(plugin.three.stack), "GET", f"{plugin.endpoint}/")
    listed = document(ask(plugin.endpoint, request).body)
    assert plugin.bucket in [element.text for element in listed.iter("Name")]


def test_wrong_keys_are_told_apart(plugin: Plugin) -> None:
    """The wizard's messages go by these codes."""
    url = f"{plugin.endpoint}/{plugin.bucket}?list-type=2"
    keys = keys_of(plugin.three.stack)
    secret = type(keys)(keys.access_key, "wrong", keys.region)
    assert ask(plugin.endpoint, sign(secret, "GET", url)).code == "SignatureDoesNotMatch"
    unknown = type(keys)("nobody", "wrong", keys.region)
    assert ask(plugin.endpoint, sign(unknown, "GET", url)).code == "InvalidAccessKeyId"


def test_an_image_and_its_thumbnails(plugin: Plugin) -> None:
    keys = ["2024/01/pic.jpg", *(f"2024/01/pic-{size}.jpg" for size in ("150x150", "300x200"))]
    for key in keys:
        assert plugin("HEAD", f"/{key}").status == 404
        assert plugin.put(key, "image/jpeg", key.encode()).status == 200
        assert plugin.is_public(key)
        shown = plugin.page(key)
        assert (shown.status, shown.body) == (200, key.encode())
        assert shown.headers["cache-control"] == _CACHE
        assert shown.headers["expires"] == _EXPIRES
        assert shown.headers["content-type"] == "image/jpeg"
    page = document(plugin("GET", "?delimiter=%2F&list-type=2&prefix=2024%2F").body)
    assert [element.text for element in page.iter("Prefix")] == ["2024/", "2024/01/"]
    assert plugin.put("2024/02/", "application/x-directory", b"").status == 200


@pytest.mark.parametrize("acl", ["public-read", "private", "authenticated-read"])
def test_every_upload_acl_of_the_settings_is_taken(plugin: Plugin, acl: str) -> None:
    """In mode swift the container's ACL is the objects' own, and GetObjectAcl says so."""
    assert plugin.put("pic.jpg", "image/jpeg", b"1", acl).status == 200
    is_public = plugin.mode == "swift" or acl == "public-read"
    assert plugin.is_public("pic.jpg") == is_public
    assert plugin.page("pic.jpg").status == (200 if is_public else 403)


def test_the_privacy_toggle(plugin: Plugin) -> None:
    key = "2024/01/é a+b.jpg"
    plugin.put(key, "image/jpeg", b"1")
    for acl in ("private", "public-read", "authenticated-read", "public-read"):
        assert plugin.update_acl(key, acl).status == 200
        is_public = plugin.mode == "swift" or acl == "public-read"
        assert plugin.is_public(key) == is_public
        assert plugin.page(key).status == (200 if is_public else 403)
    shown = plugin.page(key)
    assert (shown.body, shown.headers["cache-control"]) == (b"1", _CACHE)


@pytest.mark.parametrize("name", ["pic.jpg", "pic a.jpg", "pic é.jpg", "pic a+b é.jpg"])
def test_an_attachment_is_duplicated(plugin: Plugin, name: str) -> None:
    """The source is named raw, which AWS takes for an encoded one: `+` for a blank."""
    plugin.put(f"2024/01/{name}", "image/jpeg", name.encode())
    signed = [
        ("x-amz-copy-source", f"{plugin.bucket}/2024/01/{name}"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-acl", "public-read"),
        ("Expires", _EXPIRES),
    ]
    unsigned = [("Cache-Control", "public,max-age=5"), ("Content-Type", "image/pjpeg")]
    target = f"/2024/02/{quote('copy of ' + name)}"
    copied = plugin("PUT", target, signed, unsigned)
    assert copied.status == 200
    digest = hashlib.md5(name.encode()).hexdigest()
    assert document(copied.body).findtext("ETag") == f'"{digest}"'
    shown = plugin.page(f"2024/02/copy of {name}")
    assert (shown.status, shown.body) == (200, name.encode())
    assert shown.headers["cache-control"] == "public,max-age=5"
    assert shown.headers["content-type"] == "image/pjpeg"
    assert plugin.is_public(f"2024/02/copy of {name}")


def test_a_film_is_uploaded_in_parts_and_its_location_can_be_opened(plugin: Plugin) -> None:
    film = hashlib.shake_256(b"film").digest(16 * _MIB + 1)
    unsigned = [("Cache-Control", _CACHE), ("Content-Type", "video/mp4")]
    created = plugin(
        "POST",
        "/2024/film.mp4?uploads=",
        [("x-amz-acl", "public-read"), ("Expires", _EXPIRES)],
        unsigned,
    )
    upload = document(created.body).findtext("UploadId")
    etags = []
    for number, start in enumerate(range(0, len(film), 5 * _MIB), start=1):
        target = f"/2024/film.mp4?partNumber={number}&uploadId={upload}"
        part = plugin("PUT", target, body=film[start : start + 5 * _MIB])
        etags.append(part.headers["etag"].strip('"'))
    # PHP writes the ETag's quotes as entities.
    parts = "".join(
        f"<Part><ETag>&quot;{etag}&quot;</ETag><PartNumber>{number}</PartNumber></Part>"
        for number, etag in enumerate(etags, start=1)
    )
    namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    body = f"<CompleteMultipartUpload {namespace}>{parts}</CompleteMultipartUpload>".encode()
    xml = [("Content-Type", "application/xml")]
    done = plugin("POST", f"/2024/film.mp4?uploadId={upload}", (), xml, body)
    assert done.status == 200
    location = document(done.body).findtext("Location") or ""
    assert location.startswith(f"{plugin.endpoint}/")
    whole = hashlib.md5(b"".join(bytes.fromhex(etag) for etag in etags)).hexdigest()
    assert document(done.body).findtext("ETag") == f'"{whole}-4"'
    page = plugin.three.nobody("GET", urlsplit(location).path)
    assert (page.status, page.body) == (200, film)
    assert page.headers["cache-control"] == _CACHE
    assert page.headers["content-type"] == "video/mp4"
    assert plugin.is_public("2024/film.mp4")


def test_an_import_looks_at_presigned_urls(plugin: Plugin) -> None:
    """get_headers() sends HEAD to a URL signed for GET, and falls back to the plain one."""
    plugin.put("pic.jpg", "image/jpeg", b"0123456789")
    url = plugin.presigned("get_object", "pic.jpg", 300)
    with linked(plugin.endpoint) as link:
        link.send(
            f"HEAD {url} HTTP/1.0\r\nHost: {urlsplit(plugin.endpoint).netloc}\r\n\r\n".encode()
        )
        assert link.rest().startswith(b"HTTP/1.1 403 Forbidden")
    plain = plugin.three.nobody("HEAD", f"/{plugin.bucket}/pic.jpg")
    assert (plain.status, plain.headers["content-length"]) == (200, "10")
    assert plain.headers["content-type"] == "image/jpeg"
    part = plugin.three.nobody("GET", url, {"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, b"0123")


def test_a_browser_uploads_by_itself(plugin: Plugin) -> None:
    url = plugin.presigned("put_object", "direct.png", 900)
    nobody = plugin.three.nobody
    asked = {
        "Origin": _SITE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    preflight = nobody("OPTIONS", url, asked)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == _SITE
    assert preflight.headers["access-control-allow-headers"] == "content-type"
    stored = nobody("PUT", url, {"Origin": _SITE, "Content-Type": "image/png"}, b"\x89PNG")
    assert stored.status == 200
    assert stored.headers["access-control-allow-origin"] == _SITE
    assert "ETag" in stored.headers["access-control-expose-headers"]
    if plugin.mode == "s3":  # nobody said that it is to be public, until insureACL() does
        assert plugin.page("direct.png").status == 403
        assert plugin.update_acl("direct.png", "public-read").status == 200
    page = plugin.page("direct.png")
    assert (page.body, page.headers["content-type"]) == (b"\x89PNG", "image/png")


def test_a_browser_uploads_by_a_form(plugin: Plugin) -> None:
    """PostObjectV4: the fields that sign have its spelling, and the file comes last."""
    fields = {
        "Cache-Control": _CACHE,
        "Expires": _EXPIRES,
        "Content-Type": "image/png",
        "acl": "public-read",
        "key": "2024/03/form é.png",
    }
    policy = [
        {"bucket": plugin.bucket},
        {"acl": "public-read"},
        ["starts-with", "$key", "2024/03/"],
        ["starts-with", "$Content-Type", ""],
        {"Cache-Control": _CACHE},
        {"Expires": _EXPIRES},
    ]
    made = signed(keys_of(plugin.three.stack), policy, fields)
    spelled = {name.title() if "amz" in name else name: value for name, value in made.items()}
    browser = Browser(plugin.endpoint, keys_of(plugin.three.stack), plugin.bucket)
    reply = browser.post(spelled, b"\x89PNG", headers=[("Origin", _SITE)])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, _SITE)
    page = plugin.three.nobody("GET", urlsplit(reply.headers["location"]).path)
    assert (page.status, page.body) == (200, b"\x89PNG")
    assert page.headers["content-type"] == "image/png"
    assert page.headers["cache-control"] == _CACHE


def test_a_directory_is_listed_and_deleted(plugin: Plugin, swift: Any) -> None:
    keys = ["2023/a b.jpg", "2023/é+.jpg", "2023/x/y.jpg"]
    for key in keys:
        swift.put_object(plugin.bucket, key, b"1")
    swift.put_object(plugin.bucket, "2024/stays.jpg", b"1")
    listed = document(plugin("GET", "?encoding-type=url&prefix=2023%2F").body)
    found = [element.findtext("Key") for element in listed.iter("Contents")]
    assert found == ["2023/a%20b.jpg", "2023/x/y.jpg", "2023/%C3%A9%2B.jpg"]
    assert datetime.fromisoformat(listed.findtext("Contents/LastModified") or "").tzinfo
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    body = f"<Delete {namespace}>{objects}</Delete>".encode()
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    xml = [("Content-Type", "application/xml")]
    reply = plugin("POST", "?delete=", [("Content-MD5", digest)], xml, body)
    assert reply.status == 200
    assert not list(document(reply.body).iter("Error"))
    assert [entry["name"] for entry in swift.get_container(plugin.bucket)[1]] == ["2024/stays.jpg"]
