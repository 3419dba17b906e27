"""The ASGI application: read → resolve → authenticate → admit → handle → answer.

The rule: nothing of the body is read before the verdict, since the server tells the client to go
on (100 Continue) at the first read (of a form, nothing but its fields, which hold what the verdict
is on); and whatever goes wrong ends as one S3 error document.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import unquote

import structlog

from s3gw import answer
from s3gw.access.needs import Need
from s3gw.admission import Admission, Wish
from s3gw.answer import Send
from s3gw.call import Body, Call, Receive, Response, Services, Standing, Wire
from s3gw.cross_origin import headers_for
from s3gw.identity.authenticate import ANONYMOUS, Authenticated, Authenticator
from s3gw.identity.flights import WAITING
from s3gw.identity.model import Caller
from s3gw.mapping.errors import as_s3_error
from s3gw.mapping.layout import is_reserved
from s3gw.observe import Exchange, Times, new_request_id
from s3gw.operations import POST_OBJECT, PREFLIGHT, Operation
from s3gw.posted import PostedForm
from s3gw.resolution import resolve
from s3gw.s3.cors import read_cross_origin
from s3gw.s3.errors import (
    AccessDenied,
    InternalError,
    NoSuchBucket,
    RequestHeaderSectionTooLarge,
    S3Error,
    ServiceUnavailable,
)
from s3gw.s3.forwarded import as_sent, client_of, is_trusted
from s3gw.s3.payload import (
    CONTENT_SHA256,
    BodyExpectation,
    PayloadMode,
    read_expectation,
    unsigned_payload,
)
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signature import hoisted
from s3gw.s3.support import check_expected_owner, check_headers, check_source_owner
from s3gw.s3.target import resolve_target
from s3gw.slots import Slots
from s3gw.swift.transport import Transport

Scope = MutableMapping[str, Any]

_log = structlog.get_logger(__name__)

# Operations whose body is an object's data, so its length has to be announced.
_DATA = frozenset({"PutObject", "UploadPart"})

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Gateway:
    """An S3 endpoint over Swift."""

    def __init__(
        self,
        services: Services,
        authenticator: Authenticator,
        transport: Transport,
        slots: Slots,
        ended: Callable[[Exchange, Times], None],
    ) -> None:
        """`ended` is told of each request at its end."""
        self._services = services
        self._settings = services.settings
        self._authenticator = authenticator
        self._admission = Admission(services, authenticator, transport)
        self._ended = ended
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        client = scope["client"]
        exchange = Exchange(new_request_id(), client[0] if client else "")
        WAITING.set(exchange.keystone)
        self._slots.enter()
        try:
            response = await self._respond(exchange, scope, receive)
            response.headers += await self._cross_origin_headers(exchange)
            exchange.begin_sending(response.status)
            answer.complete_headers(
                response,
                request_id=exchange.request_id,
                host_id=exchange.host_id,
                bucket_region=self._bucket_region(exchange),
                is_head=exchange.method == "HEAD",
                close=_must_close(exchange, scope),
            )
            await self._send(exchange, response, receive, send)
        finally:
            self._slots.leave(exchange.slot)
            self._ended(exchange, exchange.times())

    async def _send(
        self, exchange: Exchange, response: Response, receive: Receive, send: Send
    ) -> None:
        """Send the answer; one that breaks off is left unfinished, so the server cuts it."""
        try:
            exchange.is_whole = await answer.send_response(
                response,
                receive,
                send,
                exchange.delivery,
                is_head=exchange.method == "HEAD",
                stall_timeout=self._settings.server.body_timeout,
            )
        except Exception:  # noqa: BLE001 - the log gets it under the request's own id
            _log.exception("internal error", request_id=exchange.request_id)
            return
        except asyncio.CancelledError:  # as in _respond
            exchange.is_whole = False
        if not exchange.is_whole:
            _log.warning("answer broke off", request_id=exchange.request_id)

    async def _respond(self, exchange: Exchange, scope: Scope, receive: Receive) -> Response:
        try:
            return await self._handle(exchange, scope, receive)
        except asyncio.CancelledError:  # the server stops, and the time that it gave is over
            error: S3Error = ServiceUnavailable()
            _log.warning("cut, since the server stops", request_id=exchange.request_id)
        except Exception as failure:  # noqa: BLE001 - the client gets an S3 error whatever it was
            error = _error_of(failure, exchange.request_id)
        exchange.error = error
        resource = unquote(exchange.path, errors="replace")
        return answer.error_response(error, resource, exchange.request_id, exchange.host_id)

    async def _cross_origin_headers(self, exchange: Exchange) -> list[tuple[str, str]]:
        if exchange.cross_origin is None:
            return []
        bucket = exchange.target.bucket or ""
        return await headers_for(self._services, exchange.cross_origin, exchange.place, bucket)

    def _bucket_region(self, exchange: Exchange) -> str | None:
        """HeadBucket tells the region whatever else it answers: clients ask it for that."""
        target = exchange.target
        if exchange.method == "HEAD" and target.bucket is not None and target.key is None:
            return self._settings.s3.region
        return None

    async def _handle(self, exchange: Exchange, scope: Scope, receive: Receive) -> Response:
        exchange.method = scope["method"]
        exchange.path = scope["raw_path"].decode("latin-1")
        self._slots.check()
        # Copied, since the server appends the trailers of the body to the scope's own list.
        pairs = list(scope["headers"])
        self._check_header_size(pairs)
        headers, scheme = Headers.from_bytes(pairs), scope["scheme"]
        trusted = self._settings.proxy.trusted
        if trusted and is_trusted(exchange.client, trusted):
            exchange.client = client_of(headers, exchange.client, trusted)
            headers, scheme = as_sent(headers, scheme)
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"], exchange.path, query, headers, scheme)
        if request.method != PREFLIGHT.method:
            exchange.cross_origin = read_cross_origin(request.method, request.headers)
        exchange.target = target = resolve_target(request, self._settings.s3.domains)
        operation = resolve(request, target)
        exchange.operation = operation.name
        exchange.wire = wire = Wire(receive, self._settings.server.body_timeout)
        form = PostedForm(request, wire) if operation is POST_OBJECT else None
        known = await self._identify(request, target, operation, form)
        self._take_slot(exchange, known)
        if known.claim is not None and not known.claim.covers(operation.subresource):
            raise AccessDenied("The signature of this URL does not cover the sub-resource.")
        call = await self._call(exchange, request, operation, known, form or wire)
        return await operation.handler(call)

    async def _identify(
        self, request: Request, target: Target, operation: Operation, form: PostedForm | None
    ) -> Authenticated:
        """Who sends the request; a form's policy has been checked then, too."""
        if operation is PREFLIGHT:
            # Its query may hold a signature, but one of the request to come.
            return ANONYMOUS
        if form is None:
            return await self._authenticator.authenticate(request, target)
        await form.read_fields()
        known = await self._authenticator.authenticate_form(form.fields)
        if known.claim is not None:
            now = datetime.fromtimestamp(self._services.clock(), UTC)
            form.check_policy(target.bucket or "", now)
        return known

    def _take_slot(self, exchange: Exchange, known: Authenticated) -> None:
        """Among those of the caller's access key, which is certain by now."""
        access_key = "" if known.caller is None else known.caller.access_key
        exchange.access_key = access_key
        self._slots.claim(access_key)
        exchange.slot = access_key

    def _check_header_size(self, pairs: list[tuple[bytes, bytes]]) -> None:
        limit = self._settings.limits.header_size
        if sum(map(len, chain.from_iterable(pairs))) + 4 * len(pairs) > limit:
            raise RequestHeaderSectionTooLarge(MaxSizeAllowed=limit)

    async def _call(
        self,
        exchange: Exchange,
        request: Request,
        operation: Operation,
        known: Authenticated,
        source: Wire | PostedForm,
    ) -> Call:
        caller = known.caller
        form = source if isinstance(source, PostedForm) else None
        bucket = exchange.target.bucket or ""
        if is_reserved(bucket) and operation.name != "CreateBucket":  # which tells why not
            raise AccessDenied if caller is None else NoSuchBucket(BucketName=bucket)
        reads = request.method in _READS
        standing = await self._admission.admit(caller, Wish(bucket, operation.needs, reads))
        exchange.swift, exchange.place = standing.swift, standing.place
        headers = hoisted(request, known.claim)
        if form is not None:
            check_expected_owner(headers, standing.place.owner.id)
            headers = form.headers()
        check_headers(operation.name, request.method, headers, sse_s3=self._settings.s3.sse_s3)
        check_expected_owner(headers, standing.place.owner.id)
        payload = _payload_mode(known, headers)
        expectation = self._expectation(headers, operation, payload, form)
        exchange.body = Body(source, expectation, known.signing)
        return Call(
            request=request,
            headers=headers,
            bucket=bucket,
            key=(exchange.target.key or "") if form is None else form.key,
            caller=caller,
            place=standing.place,
            is_owner=standing.is_owner,
            swift=standing.swift,
            facts=standing.facts,
            body=exchange.body,
            services=self._services,
            request_id=exchange.request_id,
            as_reader=partial(self._as_reader, caller, headers),
            virtual_host=exchange.target.virtual_host,
            form={} if form is None else form.fields,
        )

    async def _as_reader(self, caller: Caller | None, headers: Headers, bucket: str) -> Standing:
        """See Call.as_reader."""
        if is_reserved(bucket):
            raise NoSuchBucket(BucketName=bucket)
        wish = Wish(bucket, Need.OBJECT_READ, reads=True)
        standing = await self._admission.admit(caller, wish)
        check_source_owner(headers, standing.place.owner.id)
        return standing

    def _expectation(
        self,
        headers: Headers,
        operation: Operation,
        payload: PayloadMode,
        form: PostedForm | None,
    ) -> BodyExpectation:
        limit = self._settings.limits.object_size
        length = headers.get("content-length")
        is_data = operation.name in _DATA
        return read_expectation(
            headers,
            payload,
            content_length=int(length) if length and length.isdecimal() else None,
            # An XML body has a limit of its own, where it is read.
            max_size=limit if form is None else form.most(limit),
            require_length=is_data,
            object_checksum=operation.name == "CompleteMultipartUpload",
        )


def _payload_mode(known: Authenticated, headers: Headers) -> PayloadMode:
    if known.claim is None:
        return unsigned_payload(headers.get(CONTENT_SHA256))
    return known.claim.payload


def _error_of(failure: Exception, request_id: str) -> S3Error:
    """What the client is told, and the log of what it is not told."""
    error = as_s3_error(failure)
    if error is None:
        _log.exception("internal error", request_id=request_id)
        return InternalError()
    if not isinstance(failure, S3Error):
        _log.warning("Swift failed", request_id=request_id, reason=str(failure))
    return error


def _must_close(exchange: Exchange, scope: Scope) -> bool:
    """Whether what the client still has to send would be taken for its next request.

    That is so for a body of which only a part was read, and for one that the client holds back
    until it is told to go on.
    """
    wire = exchange.wire
    if wire is not None and wire.touched:
        return not wire.finished
    return any(name == b"expect" for name, _ in scope["headers"])
