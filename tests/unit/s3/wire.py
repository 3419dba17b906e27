"""botocore as the other end of the wire: it writes request bodies and reads our answers."""

from typing import Any

import botocore.session
from botocore.handlers import (
    decode_list_object,
    decode_list_object_v2,
    decode_list_object_versions,
    escape_xml_payload,
)
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

_MODEL = botocore.session.get_session().get_service_model("s3")
_PARSER = create_parser("rest-xml")
_SERIALIZER = create_serializer("rest-xml")
_DECODERS = {
    "ListObjects": decode_list_object,
    "ListObjectsV2": decode_list_object_v2,
    "ListObjectVersions": decode_list_object_versions,
}


def read_answer(operation: str, body: bytes, status: int = 200) -> dict[str, Any]:
    """What a boto3 user gets for this answer, without the metadata."""
    model = _MODEL.operation_model(operation)
    response = {"status_code": status, "headers": {}, "body": body, "context": {}}
    parsed: dict[str, Any] = _PARSER.parse(response, model.output_shape)
    if operation in _DECODERS:
        _DECODERS[operation](parsed, {"encoding_type_auto_set": True})
    parsed.pop("ResponseMetadata")
    return parsed


def written_body(operation: str, **parameters: Any) -> bytes:
    """The body that boto3 sends."""
    model = _MODEL.operation_model(operation)
    request = _SERIALIZER.serialize_to_request(parameters, model)
    if operation == "DeleteObjects":  # the one operation that botocore does this for
        escape_xml_payload(request)
    body: bytes = request["body"]
    return body
