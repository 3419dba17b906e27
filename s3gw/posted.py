"""A form that uploads a file, as a request of its own: fields for headers, the file for a body.

The rule: no more than the fields is read before they have said who sends them and what is allowed;
and the file's end is told only when the form has come to a good end, too.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from s3gw.call import Wire
from s3gw.s3.errors import EntityTooSmall, InvalidArgument
from s3gw.s3.form import Form, boundary_of
from s3gw.s3.form_fields import expanded, headers_of, key_of
from s3gw.s3.post_policy import parse_policy
from s3gw.s3.request import Headers, Request
from s3gw.s3.support import check_beside_form


class PostedForm:
    """A form on its way in, the source of a body that is its file."""

    def __init__(self, request: Request, wire: Wire) -> None:
        """Nothing is read yet.

        Raises PreconditionFailed (no form), MalformedPOSTRequest, InvalidArgument (it is signed
        in another way, too), NotImplemented (what only fields may say).
        """
        self._form = Form(boundary_of(request.headers.get("content-type")))
        _check_mechanism(request)
        check_beside_form(request.headers)
        self._wire = wire
        self._length = request.headers.get("content-length") or ""
        self._begun: list[bytes] = []
        self._sizes: tuple[int, int] | None = None
        self.fields: Mapping[str, str] = {}
        """Those before the file, by lower-case name, variables expanded."""
        self.key = ""
        """The object's key."""

    @property
    def touched(self) -> bool:
        """Reading has begun, as of the wire."""
        return self._wire.touched

    def most(self, limit: int) -> int:
        """Bytes that the file can have, if none may have more than the limit."""
        known = [limit] if self._sizes is None else [limit, self._sizes[1]]
        if self._length.isdecimal():
            known.append(int(self._length))
        return min(known)

    def headers(self) -> Headers:
        """What the fields say of the object; raises as headers_of."""
        return headers_of(self.fields)

    async def read_fields(self) -> None:
        """Read on until the file begins.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument, and what
        the wire raises.
        """
        while not (self._form.has_file or self._wire.finished):
            self._begun = self._form.feed(await self._wire.piece())
        if not self._form.has_file:
            self._form.finish()
        self.fields = expanded(self._form.fields, self._form.filename)
        self.key = key_of(self.fields)

    def check_policy(self, bucket: str, now: datetime) -> None:
        """Refuse what the form's policy, whose signature is verified, does not allow.

        Raises AccessDenied, InvalidPolicyDocument.
        """
        policy = parse_policy(self.fields["policy"])
        policy.check(self.fields, bucket, now)
        self._sizes = policy.sizes

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file; raises as read_fields, IncompleteBody, EntityTooSmall."""
        size = 0
        for piece in self._begun:
            size += len(piece)
            yield piece
        async for data in self._wire.pieces():
            for piece in self._form.feed(data):
                size += len(piece)
                yield piece
        self._form.finish()
        least = 0 if self._sizes is None else self._sizes[0]
        if size < least:
            raise EntityTooSmall(ProposedSize=size, MinSizeAllowed=least)


def _check_mechanism(request: Request) -> None:
    """A form is signed by its own fields, and by nothing else.

    Of a query there can be no more here than a signature, or the operation's name.
    """
    names = {name.lower() for name in request.query} - {"x-id"}
    if names or "authorization" in request.headers:
        raise InvalidArgument(
            "Only one auth mechanism allowed; a form is signed by its own fields.",
            ArgumentName="Authorization",
        )
