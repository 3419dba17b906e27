"""Settings of what operators see: the operator's port, traces, the log."""

from typing import Annotated, Literal

from pydantic import Field

from s3gw.setting_types import Name, PortOrNone, Section, Text


class Metrics(Section):
    """The operator's own port: `/-/health`, `/-/ready` and `/-/metrics`, for whoever reaches it."""

    host: Name = "127.0.0.1"
    """Address to listen on."""
    port: PortOrNone = 8334
    """TCP port to listen on, one for all workers; empty: none."""


class Tracing(Section):
    """Traces for OpenTelemetry, with the extra `otel` (`pip install 's3gw[otel]'`)."""

    endpoint: Annotated[Text, Field(examples=["http://127.0.0.1:4318/v1/traces"])] = None
    """URL that takes traces by OTLP over HTTP; empty: there are none. A request belongs to a trace
    that is under way only if a proxy of proxy.trusted says so (`traceparent`); Swift and Keystone
    are told nothing of it."""
    sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the requests that are traced, of those that belong to no trace yet."""


class Log(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is written."""
    format: Literal["json", "text"] = "json"
    """One JSON object a line, or text for people."""
