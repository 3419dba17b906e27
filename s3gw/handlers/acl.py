"""ACLs of buckets and objects: what containers hold (access.mode "swift"), or their own ("s3")."""

from dataclasses import replace

from s3gw import object_acl, own_acls
from s3gw.acls_allowed import check_allowed
from s3gw.buckets import container_acls
from s3gw.buckets.facts import read_facts
from s3gw.call import Call, Response
from s3gw.mapping import acl
from s3gw.mapping.acl import ContainerAcl
from s3gw.mapping.layout import NAME_LIMIT, segments_container
from s3gw.object_version import Found, answer_headers, head, subject_of
from s3gw.patience import xml_response
from s3gw.s3 import acls, documents
from s3gw.s3.errors import NoSuchBucket, NoSuchKey
from s3gw.s3.names import check_key
from s3gw.s3.ownership import ownership_controls
from s3gw.s3.ownership_errors import OwnershipControlsNotFoundError


async def get_bucket_acl(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html."""
    if _is_own(call):
        shown = await own_acls.of_bucket(call)
    else:
        shown = acl.bucket_acl(call.owner.id, await _container_acl(call))
    return xml_response(documents.access_control_policy(call.owner, shown))


async def put_bucket_acl(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html."""
    wanted = acls.from_request(call.headers, await call.read_xml(), call.owner.id, call.owner.id)
    await check_allowed(call, wanted)
    listings = call.settings.access.public_listings
    try:
        if _is_own(call):
            await own_acls.give_bucket(call, wanted)
        else:
            container = acl.to_container(wanted, public_listings=listings)
            await container_acls.write(call.swift, call.bucket, container)
    finally:
        call.services.facts.forget(call.account_id, call.bucket)
        call.services.facts.forget(call.account_id, segments_container(call.bucket))
    return Response(200)


async def get_object_acl(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html.

    No container ACL reaches what Swift keeps of versions that are not the newest.
    """
    found = await _find(call)
    is_newest = await _is_newest(call, found)
    container = await _container_acl(call) if is_newest else ContainerAcl()
    if _is_own(call):
        shown = own_acls.of_object(call, found.headers, container)
    else:
        shown = acl.object_acl(call.owner.id, container)
    return xml_response(documents.access_control_policy(call.owner, shown))


async def put_object_acl(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html."""
    wanted = acls.from_request(call.headers, await call.read_xml(), call.owner.id, call.owner.id)
    await check_allowed(call, wanted)
    if _is_own(call):
        check_key(call.key, NAME_LIMIT)
        return Response(200, answer_headers((await own_acls.give_object(call, wanted)).version_id))
    await _find(call)
    await object_acl.take(call, wanted)
    return Response(200)


async def get_bucket_ownership_controls(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html."""
    ownership = (await call.bucket_facts()).ownership
    if ownership is None:
        raise OwnershipControlsNotFoundError(BucketName=call.bucket)
    return xml_response(ownership_controls(ownership))


def _is_own(call: Call) -> bool:
    """Whether buckets and objects have ACLs of their own."""
    return call.settings.access.mode == "s3"


async def _container_acl(call: Call) -> ContainerAcl:
    """What the container holds now: a native client may have changed it a moment ago."""
    facts = await read_facts(call.swift, call.bucket)
    if facts is None:
        raise NoSuchBucket(BucketName=call.bucket)
    return container_acls.acl_in(facts)


async def _find(call: Call) -> Found:
    check_key(call.key, NAME_LIMIT)
    return await head(subject_of(call))


async def _is_newest(call: Call, found: Found) -> bool:
    """Whether a version that the request names, if it names one, is the one without a name."""
    subject = subject_of(call)
    if subject.version_id is None:
        return True
    try:
        newest = await head(replace(subject, version_id=None))
    except NoSuchKey:
        return False
    return newest.version_id == found.version_id
