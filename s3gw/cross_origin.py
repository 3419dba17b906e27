"""The headers that let a page of another origin see an answer, whatever the answer is.

The rule: an error is shown to the page like any answer, and trouble with the rules never spoils
an answer.  A request without an Origin costs nothing.
"""

import structlog

from s3gw.buckets.resolve import NOWHERE, Place
from s3gw.call import Services
from s3gw.s3.cors import CrossOrigin
from s3gw.s3.errors import S3Error
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_log = structlog.get_logger(__name__)


async def headers_for(
    services: Services, asked: CrossOrigin, place: Place | None, bucket: str
) -> list[tuple[str, str]]:
    """The headers that an answer to that request gets, none if no rule matches.

    `place`: whose the bucket is, None if the request was refused before anybody asked.  At most
    one request to Swift, or two if the registry has to be asked first; none when warm.
    """
    try:
        if place is None:
            names = services.names if bucket else None
            place = NOWHERE if names is None else await names.find(bucket, fresh=False)
        rules = await services.cors.of(place.storage_url, bucket)
    except (SwiftStatus, SwiftUnreachable, S3Error) as error:
        _log.warning("a bucket's CORS rules cannot be read", bucket=bucket, reason=str(error))
        rules = await services.cors.of()
    return asked.headers_by(rules) or []
