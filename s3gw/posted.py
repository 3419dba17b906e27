"""A form that uploads a file, as a request of its own: fields for headers, the file for a body.

The rule: no more than the fields is read before they have said who sends them and what is allowed;
and the file's last piece comes out only after the form has come to a good end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any

from s3gw.s3.errors import (
    EntityTooSmall,
    IncompleteBody,
    InvalidArgument,
    MaxMessageLengthExceeded,
    RequestTimeout,
)
from s3gw.s3.form import Form, boundary_of, expanded, headers_of
from s3gw.s3.post_policy import parse_policy
from s3gw.s3.post_signature import missing_field
from s3gw.s3.request import Headers, Request

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Bytes behind the file that are passed over: fields that S3 ignores, the end of the form.
_MOST_BEHIND = 1024 * 1024


class PostedForm:
    """A form on its way in."""

    def __init__(self, request: Request, receive: Receive, timeout: float) -> None:
        """`timeout`: seconds that the client may stay silent.

        Raises PreconditionFailed (no form), MalformedPOSTRequest, InvalidArgument.
        """
        self._form = Form(boundary_of(request.headers.get("content-type")))
        if "authorization" in request.headers:
            raise InvalidArgument(
                "Only one auth mechanism allowed; a form is signed by its own fields.",
                ArgumentName="Authorization",
            )
        self._receive = receive
        self._timeout = timeout
        self._file: list[bytes] = []
        self._size = 0
        self._sizes: tuple[int, int] | None = None
        self.fields: Mapping[str, str] = {}
        """Those before the file, by lower-case name, variables expanded."""
        self.finished = False
        """Read to the end of what the client sent."""

    @property
    def key(self) -> str:
        """The object's key."""
        return self.fields["key"]

    @property
    def most(self) -> int | None:
        """Bytes that the policy lets the file have at most; None: it says nothing of it."""
        return None if self._sizes is None else self._sizes[1]

    def headers(self) -> Headers:
        """What the fields say of the object, as a PUT says it in headers."""
        return headers_of(self.fields)

    async def read_fields(self) -> None:
        """Read on until the file begins.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument,
        IncorrectNumberOfFilesInPostRequest, IncompleteBody, RequestTimeout.
        """
        while not self._form.has_file:
            await self._read()
        self.fields = expanded(self._form.fields, self._form.filename)
        if not self.fields.get("key"):
            raise missing_field("key")

    def check_policy(self, bucket: str, now: datetime) -> None:
        """Refuse what the form's policy, whose signature is verified, does not allow.

        Raises AccessDenied, InvalidPolicyDocument.
        """
        policy = parse_policy(self.fields["policy"])
        policy.check(self.fields, bucket, now)
        self._sizes = policy.sizes

    async def receive(self) -> MutableMapping[str, Any]:
        """The file as the body of a request, in ASGI's messages.

        Raises as `read_fields`, EntityTooSmall, MaxMessageLengthExceeded.
        """
        while not self._file and not self._form.is_file_whole:
            await self._read()
        if self._file:
            data = b"".join(self._file)
            self._file.clear()
            self._size += len(data)
            return {"type": "http.request", "body": data, "more_body": True}
        await self._pass_over_the_rest()
        least = 0 if self._sizes is None else self._sizes[0]
        if self._size < least:
            raise EntityTooSmall(ProposedSize=self._size, MinSizeAllowed=least)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _pass_over_the_rest(self) -> None:
        size = 0
        while not self.finished:
            size += await self._read()
            if size > _MOST_BEHIND:
                raise MaxMessageLengthExceeded(MaxMessageLengthBytes=_MOST_BEHIND)

    async def _read(self) -> int:
        """Take one message in; the bytes that it had."""
        if self.finished:
            self._form.finish()
            return 0
        try:
            async with asyncio.timeout(self._timeout):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        if message["type"] == "http.disconnect":
            raise IncompleteBody
        self.finished = not message.get("more_body", False)
        data = message.get("body", b"")
        if data:
            self._file += self._form.feed(data)
        if self.finished:
            self._form.finish()
        return len(data)
