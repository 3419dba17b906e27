"""Clients that write, copy, delete and read, and remember what they were told.

The rule: what a client may hear while workers and Swift die is a lost connection or a 503; every
other error is a finding, and so is every read that shows what was never there.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.soak.model import Model

KEYS = 40
_PARTS = 2
# Told by the code, since a long copy has its 200 before it fails.
_TRANSIENT = frozenset({"ServiceUnavailable", "SlowDown"})


@dataclass(slots=True)
class Tally:
    """What all clients came to."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One client with keys of its own."""

    def __init__(self, s3: Any, bucket: str, number: int, tally: Tally) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = f"client-{number}/"
        self._random = Random(number)  # noqa: S311 - test data
        self._tally = tally
        self.model = Model()

    def run(self, stop: threading.Event) -> None:
        """One operation after the other."""
        steps: list[tuple[str, Callable[[], None], int]] = [
            ("PUT", self._put, 5),
            ("PUT, streamed", self._put_large, 1),
            ("multipart", self._multipart, 1),
            ("copy", self._copy, 1),
            ("DELETE", self._delete, 2),
            ("bulk delete", self._delete_many, 1),
            ("GET", self._get, 6),
            ("list", self._list, 1),
        ]
        names = [(name, step) for name, step, weight in steps for _ in range(weight)]
        while not stop.is_set():
            name, step = self._random.choice(names)
            self._attempt(name, step, stop)

    def _attempt(self, name: str, step: Callable[[], None], stop: threading.Event) -> None:
        tally = self._tally
        try:
            step()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            with tally.lock:
                tally.failed[f"{name}: {code}"] += 1
                if code not in _TRANSIENT:
                    tally.findings.append(f"{name}: {error}")
            stop.wait(0.2)
        except BotoCoreError as error:
            with tally.lock:
                tally.failed[f"{name}: {type(error).__name__}"] += 1
            stop.wait(0.2)
        else:
            with tally.lock:
                tally.done[name] += 1

    def _key(self) -> str:
        return f"{self._prefix}{self._random.randrange(KEYS)}"

    def _write(self, key: str, data: bytes | None, call: Callable[[], Any]) -> None:
        self.model.unsure(key, data)
        call()
        self.model.done(key, data)

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}

    def _put(self, most: int = 20_000) -> None:
        key, data = self._key(), self._random.randbytes(self._random.randrange(most))
        self._write(key, data, lambda: self._s3.put_object(**self._named(key), Body=data))

    def _put_large(self) -> None:
        self._put(2_000_000)

    def _multipart(self) -> None:
        key = self._key()
        parts = [self._random.randbytes(400_000) for _ in range(_PARTS)]
        names = self._named(key)
        upload = self._s3.create_multipart_upload(**names)["UploadId"]
        etags = [
            self._s3.upload_part(**names, UploadId=upload, PartNumber=number, Body=part)["ETag"]
            for number, part in enumerate(parts, 1)
        ]
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        complete = {"UploadId": upload, "MultipartUpload": {"Parts": listed}}
        self._write(
            key, b"".join(parts), lambda: self._s3.complete_multipart_upload(**names, **complete)
        )

    def _copy(self) -> None:
        source, key = self._key(), self._key()
        possible = self.model.of(source)
        if len(possible) != 1 or None in possible or source == key:
            return  # it is not certain what will be copied
        before = self.model.of(key)
        self.model.possible[key] = before | possible
        self._s3.copy_object(**self._named(key), CopySource=self._named(source))
        self.model.possible[key] = possible

    def _delete(self) -> None:
        key = self._key()
        self._write(key, None, lambda: self._s3.delete_object(**self._named(key)))

    def _delete_many(self) -> None:
        keys = sorted({self._key() for _ in range(3)})
        for key in keys:
            self.model.unsure(key, None)
        named = {"Objects": [{"Key": key} for key in keys]}
        answer = self._s3.delete_objects(Bucket=self._bucket, Delete=named)
        for entry in answer.get("Deleted", []):
            self.model.done(entry["Key"], None)

    def _get(self) -> None:
        key = self._key()
        data = read(self._s3, self._bucket, key)
        if not self.model.allows(key, data):
            with self._tally.lock:
                self._tally.findings.append(f"{key} is not what was stored")

    def _list(self) -> None:
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix)
        shown = {entry["Key"] for entry in answer.get("Contents", [])}
        never = {key for key in shown if key not in self.model.possible}
        if never:
            with self._tally.lock:
                self._tally.findings.append(f"{never} were never stored")


def read(s3: Any, bucket: str, key: str) -> bytes | None:
    """An object's bytes, None if there is none."""
    try:
        data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return data
