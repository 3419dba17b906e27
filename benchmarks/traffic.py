"""Large bodies for benchmarks: a client that makes them as it sends them, and keeps nothing."""

import hashlib
import http.client
import random
import socket
import time
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fronts import Ready

MIB = 1024 * 1024
PART = 8  # MiB

_CHUNK = 64 * 1024  # of aws-chunked bodies
_NOISE = random.Random(1).randbytes(MIB)

# --- what is sent ---


def blocks(first: int, count: int) -> Iterator[bytes]:
    """Blocks of 1 MiB of the object, no two alike."""
    for number in range(first, first + count):
        yield number.to_bytes(8, "big") + _NOISE[8:]


def digest_of(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def aws_chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same, as STREAMING-UNSIGNED-PAYLOAD-TRAILER with a CRC32."""
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
        for at in range(0, len(piece), _CHUNK):
            data = piece[at : at + _CHUNK]
            yield b"%x\r\n%b\r\n" % (len(data), data)
    value = b64encode(crc.to_bytes(4, "big"))
    yield b"0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % value


def chunked_length(size: int) -> int:
    full, rest = divmod(size, _CHUNK)
    assert not rest
    return full * (len(f"{_CHUNK:x}") + 4 + _CHUNK) + len(
        "0\r\nx-amz-checksum-crc32:12345678\r\n\r\n"
    )


# --- the client ---


def sign(request: AWSRequest, ready: Ready, payload: str) -> None:
    """Sign a request whose payload is told, since it is not there to be read."""
    keys = Credentials(ready["access_key"], ready["secret_key"])
    signer = S3SigV4Auth(keys, "s3", ready["region"])
    signer.payload = lambda _: payload
    signer.add_auth(request)


class Client:
    """As little memory and time as a client can take."""

    def __init__(self, endpoint: str, ready: Ready) -> None:
        self._endpoint = endpoint
        self._ready = ready

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        payload: str = "UNSIGNED-PAYLOAD",
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] = (),
    ) -> Iterator[http.client.HTTPResponse]:
        signed = AWSRequest(method, self._endpoint + path, headers=dict(headers or {}))
        sign(signed, self._ready, payload)
        connection = http.client.HTTPConnection(urlsplit(self._endpoint).netloc, timeout=120)
        # Small, so that what a slow reader leaves does not fit between the two.
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        try:
            connection.putrequest(method, path)
            for name, value in signed.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            for piece in body:
                connection.send(piece)
            response = connection.getresponse()
            if response.status >= 300:
                raise SystemExit(f"{method} {path}: {response.status} {response.read()!r}")
            yield response
        finally:
            connection.close()

    def send(
        self, method: str, path: str, **options: Any
    ) -> tuple[http.client.HTTPResponse, bytes]:
        with self.open(method, path, **options) as response:
            return response, response.read()

    def put(self, path: str, first: int, count: int) -> str:
        """Blocks with a signed SHA-256, made twice rather than kept; the ETag."""
        response, _ = self.send(
            "PUT",
            path,
            payload=digest_of(blocks(first, count)),
            headers={"Content-Length": str(count * MIB)},
            body=blocks(first, count),
        )
        return response.headers["ETag"]

    def put_chunked(self, path: str, count: int) -> None:
        self.send(
            "PUT",
            path,
            payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            headers={
                "Content-Encoding": "aws-chunked",
                "Content-Length": str(chunked_length(count * MIB)),
                "x-amz-decoded-content-length": str(count * MIB),
                "x-amz-trailer": "x-amz-checksum-crc32",
            },
            body=aws_chunked(blocks(0, count)),
        )

    def put_multipart(self, path: str, count: int, parallel: int) -> None:
        answer = self.send("POST", f"{path}?uploads=", headers={"Content-Length": "0"})[1]
        upload = next(node.text for node in ET.fromstring(answer).iter() if node.tag.endswith("Id"))
        with ThreadPoolExecutor(parallel) as pool:
            etags = pool.map(
                lambda n: self.put(f"{path}?partNumber={n + 1}&uploadId={upload}", n * PART, PART),
                range(count // PART),
            )
            parts = "".join(
                f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>"
                for n, etag in enumerate(etags, 1)
            )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        self.send(
            "POST",
            f"{path}?uploadId={upload}",
            headers={"Content-Length": str(len(document))},
            body=[document],
        )

    def get(self, path: str, *, pause: float = 0) -> str:
        """Read all; its SHA-256."""
        found = hashlib.sha256()
        with self.open("GET", path) as response:
            found.update(response.read(MIB))
            time.sleep(pause)
            while data := response.read(MIB):
                found.update(data)
        return found.hexdigest()

    def get_parallel(self, path: str, count: int, parallel: int) -> str:
        """Read ranges of 8 MiB side by side, as SDKs do; the SHA-256 of all."""
        found = hashlib.sha256()

        def part(first: int) -> bytes:
            span = f"bytes={first * MIB}-{(first + PART) * MIB - 1}"
            return self.send("GET", path, headers={"Range": span})[1]

        with ThreadPoolExecutor(parallel) as pool:
            for at in range(0, count, PART * parallel):  # or the client would hold it all
                for data in pool.map(part, range(at, min(at + PART * parallel, count), PART)):
                    found.update(data)
        return found.hexdigest()
