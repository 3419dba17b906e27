"""Cross-origin rules of a bucket, and what browsers ask before they act."""

from s3gw.buckets import cors
from s3gw.buckets.facts import read_facts
from s3gw.call import Call, Response
from s3gw.patience import xml_response
from s3gw.s3.cors import (
    MOST_BYTES,
    answer_preflight,
    cors_configuration,
    parse_cors_configuration,
    read_preflight,
)
from s3gw.s3.errors import NoSuchBucket, NoSuchCORSConfiguration


async def get_bucket_cors(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html."""
    rules = await cors.read(call.swift, call.bucket, newest=True)
    if not rules:
        raise await call.missing(NoSuchCORSConfiguration(BucketName=call.bucket))
    return xml_response(cors_configuration(rules))


async def put_bucket_cors(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html."""
    rules = parse_cors_configuration(await call.read_vouched_xml(MOST_BYTES))
    await _check_exists(call)
    await cors.write(call.swift, call.bucket, rules)
    call.services.cors.forget(call.place.storage_url, call.bucket)
    return Response(200)


async def delete_bucket_cors(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html."""
    await _check_exists(call)
    await cors.delete(call.swift, call.bucket)
    call.services.cors.forget(call.place.storage_url, call.bucket)
    return Response(204)


async def _check_exists(call: Call) -> None:
    if await read_facts(call.swift, call.bucket) is None:
        raise NoSuchBucket(BucketName=call.bucket)


async def preflight(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/developerguide/RESTOPTIONSobject.html."""
    asked = read_preflight(call.headers)
    rules = await call.services.cors.of(call.place.storage_url, call.bucket)
    is_known = call.is_placed or call.services.names is None
    return Response(200, answer_preflight(asked, rules, has_key=bool(call.key), is_known=is_known))
