"""Answers that take long: the client is kept alive with white space.

The rule: work that ends soon answers with its true status.  Otherwise the status line has to go
out first, so a later failure is an Error document under 200, as on AWS: the XML declaration,
a space every few seconds, then the document.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote

import structlog

from s3gw.call import Call, Response
from s3gw.mapping.errors import as_s3_error
from s3gw.s3.documents import error_document
from s3gw.s3.errors import InternalError
from s3gw.s3.xml import DECLARATION, Element, render

_XML = (("Content-Type", "application/xml"),)

_QUICK = 5.0
_BEAT = 5.0

_log = structlog.get_logger(__name__)


async def patient(
    call: Call, work: Coroutine[Any, Any, Element], headers: Sequence[tuple[str, str]] = ()
) -> Response:
    """Answer with the document that the work makes.

    The work goes on to its end even if the client leaves.  `headers`: further ones, which the
    work may add to; those that come too late are not sent.
    """
    task = asyncio.create_task(work)
    call.services.background.add(task)
    task.add_done_callback(call.services.background.discard)
    done, _ = await asyncio.wait({task}, timeout=_QUICK)
    if done:
        return xml_response(task.result(), headers)
    return Response(200, [*_XML, *headers], _beats(call, task))


def xml_response(document: Element, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """Answer 200 with a document."""
    return Response(200, [*_XML, *headers], render(document))


async def _beats(call: Call, task: asyncio.Task[Element]) -> AsyncIterator[bytes]:
    try:
        yield DECLARATION.encode()
        while not (await asyncio.wait({task}, timeout=_BEAT))[0]:
            yield b" "
    except GeneratorExit:  # the client has left, so the log is all that can tell
        task.add_done_callback(partial(_note_failure, call))
        raise
    yield render(_outcome(call, task)).removeprefix(DECLARATION.encode())


def _note_failure(call: Call, task: asyncio.Task[Element]) -> None:
    failure = None if task.cancelled() else task.exception()
    if failure is not None:
        _log.warning("failed unheard", request_id=call.request_id, exc_info=failure)


def _outcome(call: Call, task: asyncio.Task[Element]) -> Element:
    failure = task.exception()
    if failure is None:
        return task.result()
    error = as_s3_error(failure)
    if error is None:
        _log.error("internal error", request_id=call.request_id, exc_info=failure)
        error = InternalError()
    resource = unquote(call.request.raw_path, errors="replace")
    host_id = call.swift.transaction_id or call.request_id
    return error_document(error, resource, call.request_id, host_id)
