"""Every request that S3's own service model can make names its own operation, or is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import prepare_request_dict
from botocore.serialize import create_serializer
from hypothesis import given, strategies as st

from s3gw.operations import OPERATIONS, PREFLIGHT, Operation, Scope
from s3gw.resolution import _SUBRESOURCES, resolve, scope_of
from s3gw.s3.errors import InvalidArgument, MethodNotAllowed, NotImplemented, S3Error
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.target import resolve_target

_ENDPOINT = "http://gw.example"

# Operations whose request is, byte for byte, that of another one.
_SAME_REQUEST = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",  # the deprecated form
    "GetBucketNotification": "GetBucketNotificationConfiguration",  # the deprecated form
    "ListDirectoryBuckets": "ListBuckets",  # sent to another host, s3express-control
    "WriteGetObjectResponse": "PostObject",  # sent to another host; it is no form, so refused
}

_OUR_NAMES = {row.name for row in OPERATIONS}
_BROWSERS = ("Preflight", "PostObject")
"""What no SDK sends, so that its model has it not."""
_PATHS = {Scope.SERVICE: "/", Scope.BUCKET: "/bucket", Scope.OBJECT: "/bucket/key"}
_TARGETS = {
    Scope.SERVICE: Target(),
    Scope.BUCKET: Target("bucket"),
    Scope.OBJECT: Target("bucket", "key"),
}
_WRITES = ("PUT", "POST", "DELETE")
_METHODS = ("GET", "HEAD", *_WRITES)


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("s3")


def _dummy(shape: Any, *, optional: bool) -> Any:
    """A value that botocore's serializer takes for a shape."""
    if shape.type_name == "structure":
        names = shape.members if optional and not shape.is_document_type else shape.required_members
        return {name: _dummy(shape.members[name], optional=False) for name in names}
    if shape.type_name == "list":
        return [_dummy(shape.member, optional=False)]
    if shape.type_name == "map":
        return {"name": "value"}
    by_type: dict[str, Any] = {
        "string": next(iter(getattr(shape, "enum", ())), "text"),
        "blob": b"blob",
        "boolean": True,
        "timestamp": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return by_type.get(shape.type_name, 1)


def _request(name: str, *, optional: bool) -> Request:
    """The request that botocore makes of an operation; `optional`: with all it can carry."""
    operation = _model().operation_model(name)
    shape = operation.input_shape
    members = {} if shape is None else _dummy(shape, optional=optional)
    for parameter, value in (("Bucket", "bucket"), ("Key", "some/key")):
        if parameter in members:
            members[parameter] = value
    made = create_serializer("rest-xml", include_validation=False).serialize_to_request(
        members, operation
    )
    prepare_request_dict(made, endpoint_url=_ENDPOINT)
    parts = urlsplit(made["url"])
    headers = Headers((name, str(value)) for name, value in made["headers"].items())
    return Request(made["method"], parts.path, parts.query, headers)


def _resolved(request: Request) -> Operation:
    return resolve(request, resolve_target(request, ()))


def _ask(method: str, scope: Scope, query: str = "", **headers: str) -> Operation:
    named = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return resolve(Request(method, _PATHS[scope], query, named), _TARGETS[scope])


@pytest.mark.parametrize("optional", [False, True], ids=["least", "everything"])
@pytest.mark.parametrize("name", _model().operation_names)
def test_an_operation_of_the_service_model_is_itself_or_refused(
    name: str,
    optional: bool,  # noqa: FBT001 - a column of the table
) -> None:
    request = _request(name, optional=optional)
    expected = _SAME_REQUEST.get(name, name)
    if expected in _OUR_NAMES:
        assert _resolved(request).name == expected
    else:
        with pytest.raises((NotImplemented, MethodNotAllowed)):
            _resolved(request)


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_a_row_is_an_operation_of_the_service_model_or_a_browsers(row: Operation) -> None:
    assert row.name in {*_model().operation_names, *_BROWSERS}
    assert row.name not in _SAME_REQUEST


def test_a_row_is_there_once_and_has_a_handler_of_its_own_name() -> None:
    assert len(_OUR_NAMES) == len(OPERATIONS)
    for row in OPERATIONS:
        made = row.handler.__name__
        assert made in {_snake(row.name), "unset"}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]


def test_every_subresource_of_the_service_model_is_known() -> None:
    for name in _model().operation_names:
        uri = _model().operation_model(name).http["requestUri"]
        path, _, query = uri.partition("?")
        scope = Scope.OBJECT if "{Key+}" in path else Scope.BUCKET
        subresource = query.partition("&")[0]
        if subresource and subresource != "list-type=2":
            assert subresource in _SUBRESOURCES[scope]


def test_every_row_has_a_known_subresource() -> None:
    for row in OPERATIONS:
        assert not row.subresource or row.subresource in _SUBRESOURCES[row.scope]


def _pairs() -> Iterator[tuple[str, Scope, str]]:
    supported = {(row.method, row.scope, row.subresource) for row in OPERATIONS}
    for scope, subresources in _SUBRESOURCES.items():
        for subresource in sorted(subresources):
            for method in (*_METHODS, "PATCH"):
                if (method, scope, subresource) not in supported:
                    yield method, scope, subresource


@pytest.mark.parametrize(("method", "scope", "subresource"), list(_pairs()))
def test_a_subresource_without_a_row_is_not_implemented(
    method: str, scope: Scope, subresource: str
) -> None:
    with pytest.raises(NotImplemented) as refusal:
        _ask(method, scope, subresource)
    assert refusal.value.details == {"Subresource": subresource}


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize(
    ("scope", "query"),
    [
        (Scope.BUCKET, "lifecycle&cors"),
        (Scope.BUCKET, "location=&versions"),
        (Scope.OBJECT, "uploads&uploadId=1"),
        (Scope.OBJECT, "acl&versionId=1&tagging"),
    ],
)
def test_two_subresources_are_an_invalid_argument(method: str, scope: Scope, query: str) -> None:
    with pytest.raises(InvalidArgument, match="Conflicting query string parameters"):
        _ask(method, scope, query)


def test_a_subresource_that_is_named_twice_is_one() -> None:
    assert _ask("GET", Scope.BUCKET, "acl&acl=1").name == "GetBucketAcl"


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("query", ["future", "future=1&other", "response-content-type=text/plain"])
def test_an_unknown_parameter_of_a_read_is_ignored(scope: Scope, query: str) -> None:
    assert _ask("GET", scope, query).name == _ask("GET", scope).name


@pytest.mark.parametrize("query", ["future", "partNumber=1", "versionId=null", "list-type=2"])
def test_an_unknown_parameter_of_a_head_is_ignored(query: str) -> None:
    assert _ask("HEAD", Scope.BUCKET, query).name == "HeadBucket"
    assert _ask("HEAD", Scope.OBJECT, query).name == "HeadObject"


@pytest.mark.parametrize("method", _WRITES)
@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("query", ["future", "future=", "Lifecycle", "=future", "%20cors"])
def test_an_unknown_parameter_of_a_write_is_not_implemented(
    method: str, scope: Scope, query: str
) -> None:
    with pytest.raises(NotImplemented, match="The query parameter"):
        _ask(method, scope, query)


@pytest.mark.parametrize(
    ("method", "scope", "query"),
    [
        ("PUT", Scope.OBJECT, "partNumber=1"),
        ("PUT", Scope.OBJECT, "versionId=null"),
        ("DELETE", Scope.OBJECT, "partNumber=1"),
        ("PUT", Scope.BUCKET, "versionId=1"),
        ("DELETE", Scope.BUCKET, "versionId=1"),
        ("POST", Scope.OBJECT, "uploads&partNumber=1"),
        ("DELETE", Scope.OBJECT, "uploadId=1&versionId=1"),
    ],
)
def test_a_parameter_of_another_operation_is_not_ignored_by_a_write(
    method: str, scope: Scope, query: str
) -> None:
    with pytest.raises(NotImplemented, match="The query parameter"):
        _ask(method, scope, query)


def test_a_part_without_its_number_is_not_implemented() -> None:
    with pytest.raises(NotImplemented):
        _ask("PUT", Scope.OBJECT, "uploadId=1")


@pytest.mark.parametrize(
    ("method", "scope", "query", "name"),
    [
        ("PUT", Scope.OBJECT, "x-id=PutObject", "PutObject"),
        ("PUT", Scope.OBJECT, "X-Amz-Algorithm=a&X-Amz-Signature=s&x-amz-acl=private", "PutObject"),
        ("DELETE", Scope.OBJECT, "versionId=null", "DeleteObject"),
        ("PUT", Scope.OBJECT, "uploadId=1&partNumber=2&x-id=UploadPart", "UploadPart"),
        ("PUT", Scope.OBJECT, "AWSAccessKeyId=a&Signature=s&Expires=1", "PutObject"),
        ("PUT", Scope.OBJECT, "Signature=s&AWSAccessKeyId=a&content-type=text/plain", "PutObject"),
        ("DELETE", Scope.BUCKET, "AWSAccessKeyId=a&Signature=s&Expires=1", "DeleteBucket"),
    ],
)
def test_what_sdks_and_signatures_add_to_a_write_is_known(
    method: str, scope: Scope, query: str, name: str
) -> None:
    assert _ask(method, scope, query).name == name


def test_the_parameters_of_a_v2_signature_are_unknown_without_one() -> None:
    with pytest.raises(NotImplemented):
        _ask("PUT", Scope.OBJECT, "content-type=text/plain")


@pytest.mark.parametrize("query", ["", "x-id=CopyObject"])
def test_a_copy_is_never_a_plain_put(query: str) -> None:
    assert _ask("PUT", Scope.OBJECT, query, x_amz_copy_source="/b/k").name == "CopyObject"


def test_a_copy_source_in_a_presigned_query_is_a_copy_too() -> None:
    assert _ask("PUT", Scope.OBJECT, "X-Amz-Copy-Source=b%2Fk").name == "CopyObject"
    part = _ask("PUT", Scope.OBJECT, "uploadId=1&partNumber=1&x-amz-copy-source=b%2Fk")
    assert part.name == "UploadPartCopy"


@pytest.mark.parametrize("list_type", ["1", "3", ""])
def test_only_list_type_2_is_the_second_listing(list_type: str) -> None:
    assert _ask("GET", Scope.BUCKET, f"list-type={list_type}").name == "ListObjects"
    assert _ask("GET", Scope.BUCKET, "list-type=2").name == "ListObjectsV2"


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("POST", Scope.OBJECT),
        ("PATCH", Scope.OBJECT),
        ("PUT", Scope.SERVICE),
        ("DELETE", Scope.SERVICE),
        ("HEAD", Scope.SERVICE),
    ],
)
def test_a_method_without_a_row_is_not_allowed(method: str, scope: Scope) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        _ask(method, scope)
    assert refusal.value.details == {"Method": method, "ResourceType": scope.upper()}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(
    "query", ["", "acl", "acl&cors", "uploadId=1&partNumber=1", "X-Amz-Signature=x"]
)
def test_a_preflight_is_one_whatever_the_request_to_come(scope: Scope, query: str) -> None:
    assert _ask("OPTIONS", scope, query) is PREFLIGHT


def test_a_target_has_the_scope_of_what_it_names() -> None:
    assert {scope: scope_of(target) for scope, target in _TARGETS.items()} == {
        scope: scope for scope in Scope
    }


# --- whatever a query looks like ---

_escaped = st.text(min_size=0, max_size=6).map(
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
)
_known_parameters = st.sampled_from(
    [
        *("x-id=DeleteBucket", "versionId=null", "partNumber=1", "list-type=2", "prefix=p"),
        *("X-Amz-Signature=s", "Signature=s", "AWSAccessKeyId=a", "Expires=1", "content-type=x"),
        *("uploadId=", "x-amz-copy-source=b/k", "", "=", "&", "a=b=c"),
    ]
)
_pieces = st.lists(st.one_of(_known_parameters, _escaped), max_size=5)


@st.composite
def _spelled(draw: st.DrawFn, name: str) -> str:
    """A name with some of its letters percent-encoded, with or without a value."""
    letters = [f"%{ord(letter):02x}" if draw(st.booleans()) else letter for letter in name]
    return "".join(letters) + draw(st.sampled_from(["", "=", "=1", "=lifecycle", "=%3D"]))


@st.composite
def _queries_with_a_subresource(draw: st.DrawFn) -> tuple[Scope, str, str]:
    scope = draw(st.sampled_from([Scope.BUCKET, Scope.OBJECT]))
    subresource = draw(st.sampled_from(sorted(_SUBRESOURCES[scope])))
    pieces = [*draw(_pieces), draw(_spelled(subresource))]
    return scope, subresource, "&".join(draw(st.permutations(pieces)))


@given(st.sampled_from(_METHODS), _queries_with_a_subresource(), st.booleans())
def test_no_query_with_a_known_subresource_reaches_a_plain_operation(
    method: str,
    asked: tuple[Scope, str, str],
    copies: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    scope, subresource, query = asked
    headers = {"x_amz_copy_source": "b/k"} if copies else {}
    try:
        row = _ask(method, scope, query, **headers)
    except S3Error:
        return
    assert (row.scope, row.method, row.subresource) == (scope, method, subresource)


@given(st.sampled_from(_WRITES), st.sampled_from(list(Scope)), _pieces)
def test_a_write_is_done_only_if_every_parameter_is_known(
    method: str, scope: Scope, pieces: list[str]
) -> None:
    request = Request(method, _PATHS[scope], "&".join(pieces), Headers(()))
    try:
        row = resolve(request, _TARGETS[scope])
    except S3Error:
        return
    presigned = {"Signature", "AWSAccessKeyId", "Expires", "content-type"}
    known = {row.subresource, *row.demands, *row.parameters, "x-id"} | {
        name for name in request.query if name.lower().startswith("x-amz-")
    }
    if "Signature" in request.query:
        known |= presigned
    assert set(request.query) <= known - {""}
