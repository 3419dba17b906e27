"""A multipart upload as a test drives it, and what Swift holds of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from botocore.exceptions import ClientError
from swiftclient.exceptions import ClientException


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that one client began; ETags are kept quoted, as they came."""

    s3: Any
    bucket: str
    key: str
    upload_id: str
    etags: dict[int, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """What every request about the upload names."""
        return {"Bucket": self.bucket, "Key": self.key, "UploadId": self.upload_id}

    @property
    def marker(self) -> str:
        """The marker's path as the wire shows it."""
        return f"/{self.bucket}+segments/{self.key}/{self.upload_id}"

    def part(self, number: int) -> str:
        """A part's path as the wire shows it."""
        return f"{self.marker}/{number}"

    def put(self, number: int, body: bytes = b"data") -> str:
        """Upload a part; its ETag."""
        answer = self.s3.upload_part(**self.names, PartNumber=number, Body=body)
        etag: str = answer["ETag"]
        self.etags[number] = etag
        return etag

    def listed(self, numbers: Iterable[int] = ()) -> dict[str, Any]:
        """The parts (all, unless some are named) as Complete names them."""
        wanted = list(numbers) or sorted(self.etags)
        return {"Parts": [{"PartNumber": n, "ETag": self.etags[n]} for n in wanted]}

    def complete(self, *numbers: int, s3: Any = None, **more: Any) -> Any:
        """Complete the upload with the parts (all, unless some are named)."""
        return (s3 or self.s3).complete_multipart_upload(
            **self.names, MultipartUpload=self.listed(numbers), **more
        )

    def abort(self) -> Any:
        """Abort the upload."""
        return self.s3.abort_multipart_upload(**self.names)

    def numbers(self) -> list[int]:
        """The parts that ListParts shows."""
        return [part["PartNumber"] for part in self.s3.list_parts(**self.names).get("Parts", [])]

    def read(self) -> bytes:
        """The object under the upload's key."""
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        return body


def begin(s3: Any, bucket: str, key: str = "k", **more: Any) -> Upload:
    """Begin an upload."""
    answer = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)
    return Upload(s3, bucket, key, answer["UploadId"])


@dataclass(frozen=True, slots=True)
class Refusal:
    """An S3 error as the client got it."""

    status: int
    code: str
    details: dict[str, str]
    """All elements of the error document but Code and Message."""
    message: str = field(compare=False)


def refusal(call: Callable[[], Any]) -> Refusal:
    """The error that a call ends with; a call that ends well fails the test."""
    try:
        answer = call()
    except ClientError as error:
        document = dict(error.response["Error"])
        for name in ("RequestId", "HostId", "Resource"):
            document.pop(name, None)
        return Refusal(
            error.response["ResponseMetadata"]["HTTPStatusCode"],
            document.pop("Code"),
            message=document.pop("Message", ""),
            details=document,
        )
    raise AssertionError(f"it was not refused: {answer}")


def no_such_upload(upload_id: str) -> Refusal:
    """What every operation says of an upload that is not open."""
    return Refusal(404, "NoSuchUpload", {"UploadId": upload_id}, message="")


def etag_of(*parts: bytes) -> str:
    """The S3 ETag of an object of these parts, quoted."""
    digest = md5(b"".join(md5(part).digest() for part in parts)).hexdigest()
    return f'"{digest}-{len(parts)}"'


def held(swift: Any, container: str) -> list[str]:
    """The names of all objects in a container; none if there is no container."""
    try:
        return [entry["name"] for entry in swift.get_container(container, full_listing=True)[1]]
    except ClientException as error:
        if error.http_status != 404:
            raise
        return []


def segments(swift: Any, bucket: str) -> list[str]:
    """What Swift holds of the bucket's uploads, markers and parts."""
    return held(swift, f"{bucket}+segments")
