"""The service and the buckets themselves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial

import structlog

from s3gw import own_acls
from s3gw.access.acl import private
from s3gw.buckets import container_acls, cors, documents as bucket_documents, uploads
from s3gw.buckets.facts import from_headers
from s3gw.call import Call, Response
from s3gw.mapping import ownership as kept_ownership, storage_classes
from s3gw.mapping.acl import ContainerAcl, to_container
from s3gw.mapping.layout import is_reserved, segments_container
from s3gw.mapping.listing import UNSEEKABLE, entry_time
from s3gw.mapping.versions import ENABLED, SWITCH, keeps_versions
from s3gw.patience import xml_response
from s3gw.s3 import acls, documents
from s3gw.s3.bodies import parse_create_bucket_configuration
from s3gw.s3.errors import (
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidArgument,
    InvalidBucketName,
    InvalidLocationConstraint,
    InvalidStorageClass,
    NoSuchBucket,
    NotImplemented,
    S3Error,
)
from s3gw.s3.headers import parse_count
from s3gw.s3.names import check_new_bucket_name
from s3gw.s3.ownership import Ownership, check_new_bucket, wanted_ownership
from s3gw.s3.tokens import decode_token, encode_token
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_log = structlog.get_logger(__name__)

_MAX_BUCKETS = 10_000
_DEFAULT_REGION = "us-east-1"


async def list_buckets(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html."""
    query = call.query
    maximum = parse_count("max-buckets", query.get("max-buckets"), _MAX_BUCKETS)
    if maximum == 0:
        raise InvalidArgument(
            "Argument max-buckets must be an integer between 1 and 10000.",
            ArgumentName="max-buckets",
            ArgumentValue=query.get("max-buckets"),
        )
    token = query.get("continuation-token")
    marker = "" if token is None else decode_token(token)
    prefix = query.get("prefix")
    if (prefix or "").endswith(UNSEEKABLE):
        raise NotImplemented("This prefix is not implemented.", Parameter="prefix")
    region = query.get("bucket-region")
    here = region is None or region == call.settings.s3.region
    found: list[Entry] = []
    async for entry in _containers(call, marker, prefix or ""):
        if not here or len(found) > maximum:
            break
        found.append(entry)
    shown = found[:maximum]
    page = documents.BucketPage(
        owner=call.owner,
        buckets=[
            documents.BucketEntry(str(entry["name"]), entry_time(entry), call.settings.s3.region)
            for entry in shown
        ],
        prefix=prefix,
        next_token=encode_token(str(shown[-1]["name"])) if len(found) > maximum else None,
    )
    return xml_response(documents.list_buckets(page))


async def _containers(call: Call, marker: str, prefix: str) -> AsyncIterator[Entry]:
    """The account's containers that are buckets."""
    while True:
        try:
            page = await call.swift.list_containers(marker=marker, prefix=prefix)
        except SwiftStatus as error:
            if error.status == 404:
                return  # an account is created with its first container
            raise
        for entry in page:
            if not is_reserved(str(entry["name"])):
                yield entry
        if len(page) < _MAX_BUCKETS:
            return
        marker = str(page[-1]["name"])


async def create_bucket(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html."""
    check_new_bucket_name(call.bucket)
    if is_reserved(call.bucket):
        raise InvalidBucketName(BucketName=call.bucket)
    ownership = wanted_ownership(call.headers)
    acl = _acl_giver(call, ownership)
    created = await _make(call, acl, _wanted_policy(call, await call.read_xml()))
    call.services.facts.forget(call.account_id, call.bucket)
    call.services.facts.forget(call.account_id, segments_container(call.bucket))
    if not created:
        raise BucketAlreadyOwnedByYou(BucketName=call.bucket)
    # Those of an earlier bucket that was deleted natively: a public document is named by nobody.
    await cors.delete(call.swift, call.bucket)
    call.services.cors.forget(call.place.storage_url, call.bucket)
    return Response(200, [("Location", f"/{call.bucket}")])


def _wanted_policy(call: Call, body: bytes) -> str | None:
    """Swift's policy for the bucket's storage class, None: its default one.

    Raises InvalidLocationConstraint, InvalidStorageClass, and what the parsers do.
    """
    constraint = parse_create_bucket_configuration(body)
    region, constrained = storage_classes.split_constraint(constraint, call.settings.s3.region)
    if region not in {None, call.settings.s3.region, _DEFAULT_REGION}:
        raise InvalidLocationConstraint(LocationConstraint=constraint)
    given = call.headers.get(storage_classes.HEADER)
    wanted = storage_classes.wanted_class(given, constrained)
    return storage_classes.policy_for(wanted, call.settings.s3.storage_classes)


_GiveAcl = Callable[[], Awaitable[object]]


def _acl_giver(call: Call, ownership: Ownership | None) -> _GiveAcl | None:
    """What gives the bucket the ACL that the request wants, once it is there; None: private.

    Raises what is wrong with the ACL, InvalidBucketAclWithObjectOwnership.
    """
    wanted = acls.from_headers(call.headers, call.owner.id, call.owner.id)
    check_new_bucket(ownership, wanted, call.owner.id)
    if wanted is None or wanted == private(call.owner.id):
        return None
    if call.settings.access.mode == "s3":
        return partial(own_acls.give_bucket, call, wanted)
    listings = call.settings.access.public_listings
    container = to_container(wanted, public_listings=listings)
    return partial(container_acls.write, call.swift, call.bucket, container)


async def _make(call: Call, acl: _GiveAcl | None, policy: str | None) -> bool:
    """Make the container, under a claim of its name where names are global."""

    async def make() -> bool:
        created = await _put_container(call, policy)
        if created:
            await _furnish(call, acl)
        return created

    names = call.services.names
    if names is None:
        return await make()
    return await names.create(call.place, call.swift, call.bucket, make)


async def _put_container(call: Call, policy: str | None) -> bool:
    """Make the container; False if it was there.  Raises InvalidStorageClass."""
    headers = {} if policy is None else {"X-Storage-Policy": policy}
    try:
        return await call.swift.put_container(call.bucket, headers)
    except SwiftStatus as error:
        if policy is None or error.status not in {400, 409}:
            raise
        if error.status == 409:  # it is there, with another policy
            return False
        _log.error("Swift refuses a storage policy", policy=policy, request_id=call.request_id)
        raise InvalidStorageClass from error


async def _furnish(call: Call, acl: _GiveAcl | None) -> None:
    """Give the new bucket its ACL, not with the PUT: that would change a bucket that was there.

    A `+segments` left over from an earlier bucket must keep neither that bucket's ACL nor its
    storage class.
    """
    try:
        is_there = await uploads.adopt_segments(call.swift, call.bucket)
        if acl is not None:
            await acl()
        elif is_there:
            await container_acls.write_to_segments(call.swift, call.bucket, ContainerAcl())
        ownership = wanted_ownership(call.headers)
        if ownership is not None:
            await call.swift.post_container(call.bucket, kept_ownership.to_container(ownership))
    except (SwiftStatus, SwiftUnreachable, S3Error):
        with suppress(SwiftStatus, SwiftUnreachable):
            await call.swift.delete_container(call.bucket)
        raise


async def head_bucket(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html."""
    try:
        await call.swift.head_container(call.bucket)
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        raise
    return Response(200, [("Content-Type", "application/xml")])


async def get_bucket_location(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html."""
    await call.bucket_facts()
    return xml_response(documents.location_constraint(call.settings.s3.region))


async def delete_bucket(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html.

    Swift decides whether the bucket is empty; only then its uploads and documents go.
    """
    try:
        await _delete_container(call)
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        if error.status == 409:
            raise BucketNotEmpty(BucketName=call.bucket) from error
        raise
    finally:
        call.services.facts.forget(call.account_id, call.bucket)
    await _remove("parts", call, uploads.delete_segments)
    await _remove("documents", call, bucket_documents.delete_all)
    await _remove("CORS rules", call, cors.delete)
    call.services.cors.forget(call.place.storage_url, call.bucket)
    call.services.facts.forget(call.account_id, segments_container(call.bucket))
    await _give_up_name(call)
    return Response(204)


async def _delete_container(call: Call) -> None:
    """Delete the bucket's container if it is empty.

    Where versions are kept Swift first deletes its own container of the old ones, and looks only
    then whether there are objects; without it every later write fails.  So Swift is not asked
    when there are some, and is made to put it back when one came in between.
    """
    headers = await call.swift.head_container(call.bucket, newest=True)
    if not keeps_versions(headers):
        await call.swift.delete_container(call.bucket)
        return
    if headers.get("X-Container-Object-Count", "0") != "0":
        raise BucketNotEmpty(BucketName=call.bucket)
    try:
        await call.swift.delete_container(call.bucket)
    except SwiftStatus as error:
        if error.status == 409 and from_headers(headers).versioning == ENABLED:
            await call.swift.post_container(call.bucket, {SWITCH: "true"})
        raise


async def _remove(what: str, call: Call, remove: Callable[[Account, str], Awaitable[None]]) -> None:
    """Remove what a deleted bucket left.

    The bucket is gone: a repeat would find none, so a failure is for the operator.
    """
    try:
        await remove(call.swift, call.bucket)
    except (SwiftStatus, SwiftUnreachable) as error:
        _log.warning(
            f"{what} of a deleted bucket stay behind",
            request_id=call.request_id,
            bucket=call.bucket,
            reason=str(error),
        )


async def _give_up_name(call: Call) -> None:
    """The last step: a name that stays behind is taken over by who wants it (registry.create)."""
    if call.services.names is None:
        return
    try:
        await call.services.names.release(call.place, call.swift, call.bucket)
    except (SwiftStatus, SwiftUnreachable, S3Error) as error:
        _log.warning(
            "the name of a deleted bucket stays taken",
            request_id=call.request_id,
            bucket=call.bucket,
            reason=str(error),
        )
