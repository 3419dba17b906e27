"""What a request leaves behind: its ids, what it cost, and one log line.

The rule: nothing of it is a secret, a token, a signature or the key of an object; and whatever
a client sent is one value of one line.
"""

import logging
import secrets
import sys
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import structlog

from s3gw.answer import Delivery
from s3gw.buckets.resolve import Place
from s3gw.call import Body, Wire
from s3gw.identity.flights import Waiting
from s3gw.operator_settings import Log
from s3gw.s3.cors import CrossOrigin
from s3gw.s3.errors import S3Error
from s3gw.s3.request import Target
from s3gw.swift.account import Account

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


# Characters of a bucket's name that are logged: what has more is none.
_NAME = 255

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Times:
    """Where a request's time went, in seconds."""

    total: float
    gateway: float
    """The rest: what the gateway itself took."""
    keystone: float
    """Waiting for a secret or a token that was not at hand."""
    swift: float
    """Waiting for Swift's answers."""
    client: float
    """Waiting for the client to send, or to take, a body."""


@dataclass(slots=True)
class Exchange:
    """One request, as far as it has come, for its answer, its log line and the metrics."""

    request_id: str
    client: str
    """Address of who sent it."""
    method: str = ""
    path: str = ""
    target: Target = field(default_factory=Target)
    cross_origin: CrossOrigin | None = None
    """Where it comes from, if that is a page in a browser."""
    place: Place | None = None
    """Whose the bucket is, once that is known."""
    operation: str = ""
    """Empty if it could not be told."""
    access_key: str = ""
    """Of a verified signature."""
    slot: str | None = None
    """The access key that it takes a slot of."""
    swift: Account | None = None
    wire: Wire | None = None
    body: Body | None = None
    error: S3Error | None = None
    status: int = 0
    """0 until the answer is known."""
    delivery: Delivery = field(default_factory=Delivery)
    is_whole: bool = False
    """The answer was sent to its end."""
    keystone: Waiting = field(default_factory=Waiting)
    started: float = field(default_factory=perf_counter)
    swift_seconds: float = 0.0
    """Waiting for Swift, when sending the answer began."""

    @property
    def host_id(self) -> str:
        """x-amz-id-2: Swift's transaction id, with which an operator can follow the request."""
        transaction = "" if self.swift is None else self.swift.transaction_id
        return transaction or self.request_id

    @property
    def bucket(self) -> str:
        """What the request names as the bucket, as far as it can be one's name."""
        return (self.target.bucket or "")[:_NAME]

    @property
    def received(self) -> int:
        """Bytes of the request's body that came."""
        return 0 if self.wire is None else self.wire.received

    def begin_sending(self, status: int) -> None:
        """The answer is known."""
        self.status = status
        self.swift_seconds = 0.0 if self.swift is None else self.swift.seconds

    def times(self) -> Times:
        """Where the time has gone until now.

        Waits can overlap: what is streamed to Swift is waited for while Swift is, and a pool of
        requests to Swift waits for one token.  So the parts are cut to what there is.
        """
        total = perf_counter() - self.started
        delivery, swift = self.delivery, self.swift_seconds
        if self.swift is not None:
            swift = max(self.swift.seconds, swift + delivery.source_seconds)
        sending = 0.0 if self.wire is None else self.wire.client_seconds
        if self.body is not None and self.body.is_streamed:
            swift = max(0.0, swift - sending)
        client = delivery.client_seconds + sending
        keystone = self.keystone.seconds
        return Times(total, max(0.0, total - keystone - swift - client), keystone, swift, client)


def log_request(exchange: Exchange, times: Times) -> None:
    """Write the request's line; times in milliseconds."""
    _log.info(
        "request",
        request_id=exchange.request_id,
        client=exchange.client,
        operation=exchange.operation,
        method=exchange.method,
        bucket=exchange.bucket or None,
        status=exchange.status or None,
        code=exchange.error.code if exchange.error else None,
        access_key=exchange.access_key or None,
        received=exchange.received,
        sent=exchange.delivery.size,
        whole=exchange.is_whole,
        swift_calls=exchange.swift.calls if exchange.swift else 0,
        swift_transaction=exchange.host_id,
        milliseconds=_milliseconds(times.total),
        gateway_ms=_milliseconds(times.gateway),
        keystone_ms=_milliseconds(times.keystone),
        swift_ms=_milliseconds(times.swift),
        client_ms=_milliseconds(times.client),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def new_request_id() -> str:
    """As AWS's x-amz-request-id: 16 upper-case hex digits."""
    return secrets.token_hex(8).upper()


def configure_logging(settings: Log) -> None:
    """Send everything, the libraries' records too, to standard error in one form."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks without local variables: those hold secrets and tokens.
    last: list[Any] = (
        [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
        if settings.format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
                repr_native_str=True,  # no line end of a client's makes a line of its own
            )
        ]
    )
    level = _LEVELS[settings.level]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # The libraries' own chatter is for debugging; keystoneauth1 would log requests.
    root.setLevel(max(level, logging.WARNING))
