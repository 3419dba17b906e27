"""PutBucketVersioning and GetBucketVersioning.

The rule: with every switch goes the time of it, as Swift tells it, read before Swift is told to
switch: what is written in between may so be taken for a version with an id though it is `null`,
and never the other way round, which would let a later write replace it.
"""

from s3gw.buckets.clock import swift_time
from s3gw.buckets.facts import ContainerFacts, from_headers
from s3gw.call import Call, Response
from s3gw.mapping.layout import META_VERSIONED_SINCE
from s3gw.mapping.versions import ENABLED, SWITCH, has_archive
from s3gw.patience import xml_response
from s3gw.s3 import documents
from s3gw.s3.bodies import parse_versioning
from s3gw.s3.errors import NoSuchBucket, NotImplemented
from s3gw.swift.errors import SwiftStatus


async def get_bucket_versioning(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html."""
    facts = await call.bucket_facts()
    status = documents.optional("Status", facts.versioning or None)
    return xml_response(("VersioningConfiguration", [status]))


async def put_bucket_versioning(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html."""
    status = parse_versioning(await call.read_xml())
    if not (await call.info()).object_versioning:
        raise NotImplemented("This Swift has no object versioning.")
    facts = await _facts(call)
    if facts.versioning != status:
        try:
            await _switch(call, facts, on=status == ENABLED)
        finally:
            call.services.facts.forget(call.account_id, call.bucket)
    return Response(200)


async def _facts(call: Call) -> ContainerFacts:
    try:
        headers = await call.swift.head_container(call.bucket, newest=True)
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        raise
    if has_archive(headers):  # Swift's older kind of versions, which excludes the newer one
        raise NotImplemented("The bucket keeps old objects in another container of Swift's.")
    return from_headers(headers)


async def _switch(call: Call, facts: ContainerFacts, *, on: bool) -> None:
    now = await swift_time(call.swift, call.bucket)
    # Swift prepares a container for versions, and tells so in its answers, only once they are on.
    states = (True,) if on else (False,) if facts.versioning else (True, False)
    for state in states:
        history = facts.history.switched(facts.versioning, now, on=state)
        headers = {SWITCH: str(state).lower(), META_VERSIONED_SINCE: history.text}
        await call.swift.post_container(call.bucket, headers)
