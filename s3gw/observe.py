"""What a request leaves behind: its ids and one log line."""

import logging
import secrets
import sys
from typing import Any

import structlog

from s3gw.config import Log

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def new_request_id() -> str:
    """As AWS's x-amz-request-id: 16 upper-case hex digits."""
    return secrets.token_hex(8).upper()


def configure_logging(settings: Log) -> None:
    """Send everything, the libraries' records too, to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
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
