"""Which operation a request is: `resolve()` names its row of the table of operations.

The rule: a request names a scope, a method and at most one sub-resource from a closed set; under
that triple the row wins whose demands are all met and that demands most.  A writing request may
carry nothing in its query that its row does not know.  So nothing ever falls through to the plain
bucket or object operation: a gateway where `DELETE /b?lifecycle` deletes the bucket has lost
somebody's data.
"""

from s3gw.operations import OPERATIONS, PREFLIGHT, Operation, Scope
from s3gw.s3.errors import InvalidArgument, MethodNotAllowed, NotImplemented
from s3gw.s3.request import Headers, Query, Request, Target

_SERVICE, _BUCKET, _OBJECT = Scope.SERVICE, Scope.BUCKET, Scope.OBJECT

# Every sub-resource that S3 has, or that we have heard of.
_SUBRESOURCES: dict[Scope, frozenset[str]] = {
    _SERVICE: frozenset(),
    _BUCKET: frozenset(
        (
            "abac accelerate acl analytics cors delete encryption intelligent-tiering inventory "
            "legal-hold lifecycle location logging metadataAnnotationTable metadataConfiguration "
            "metadataInventoryTable metadataJournalTable metadataTable metrics notification "
            "object-lock ownershipControls policy policyStatus publicAccessBlock replication "
            "requestPayment restore retention select session tagging torrent uploadId uploads "
            "versioning versions website"
        ).split()
    ),
    _OBJECT: frozenset(
        (
            "acl annotation annotations append attributes cors delete encryption legal-hold "
            "lifecycle policy renameObject restore retention select tagging torrent uploadId "
            "uploads versioning versions website"
        ).split()
    ),
}

# What SDKs add to a query, which names the operation once more.
_ECHO = "x-id"
# The query of a Signature Version 2 presigned URL, and the headers that it may carry.
_SIGNATURE_V2 = frozenset(
    (
        "awsaccesskeyid signature expires content-type content-md5 content-disposition "
        "content-encoding content-language cache-control"
    ).split()
)
_READS = frozenset(("GET", "HEAD"))


def scope_of(target: Target) -> Scope:
    """What the target names."""
    if target.bucket is None:
        return Scope.SERVICE
    return Scope.BUCKET if target.key is None else Scope.OBJECT


def resolve(request: Request, target: Target) -> Operation:
    """Name the request's operation.

    Raises InvalidArgument (two sub-resources), NotImplemented (known, but not built, or possibly
    a sub-resource of tomorrow), MethodNotAllowed.
    """
    if request.method == PREFLIGHT.method:
        # About a request to come, whose path and query it has.
        return PREFLIGHT
    scope = scope_of(target)
    subresource = _subresource(request.query, scope)
    rows = [
        row
        for row in _ROWS.get((scope, request.method, subresource), ())
        if all(_is_met(demand, request.query, request.headers) for demand in row.demands)
    ]
    row = max(rows, key=lambda row: len(row.demands), default=None)
    if row is None and subresource:
        raise NotImplemented(
            f"The sub-resource {subresource} is not implemented for this request.",
            Subresource=subresource,
        )
    if request.method not in _READS:
        _refuse_unknown_parameters(request.query, row)
    if row is None:
        raise MethodNotAllowed(Method=request.method, ResourceType=scope.upper())
    return row


def _subresource(query: Query, scope: Scope) -> str:
    found = [name for name in query if name in _SUBRESOURCES[scope]]
    if len(found) > 1:
        raise InvalidArgument(
            "Conflicting query string parameters: " + ", ".join(sorted(found)),
            ArgumentName="ResourceType",
            ArgumentValue=found[0],
        )
    return found[0] if found else ""


def _refuse_unknown_parameters(query: Query, row: Operation | None) -> None:
    """Refuse what a writing request carries that its row does not know.

    It may be a sub-resource of tomorrow, or the request be meant for another row: a PUT with a
    partNumber but no uploadId must not replace the object.
    """
    known = set() if row is None else {row.subresource, *row.demands, *row.parameters} - {""}
    presigned_by_v2 = "Signature" in query
    for name in query:
        if name in known or name == _ECHO or name.lower().startswith("x-amz-"):
            continue
        if presigned_by_v2 and name.lower() in _SIGNATURE_V2:
            continue
        raise NotImplemented(
            f"The query parameter {name} is not implemented for this request.", Parameter=name
        )


def _is_met(demand: str, query: Query, headers: Headers) -> bool:
    if demand.startswith("header:"):
        name = demand.removeprefix("header:")
        # A presigned URL may carry the header in its query.
        return name in headers or any(parameter.lower() == name for parameter in query)
    name, equals, value = demand.partition("=")
    return query.get(name) == value if equals else name in query


def _index() -> dict[tuple[Scope, str, str], tuple[Operation, ...]]:
    index: dict[tuple[Scope, str, str], tuple[Operation, ...]] = {}
    for row in OPERATIONS:
        key = row.scope, row.method, row.subresource
        index[key] = (*index.get(key, ()), row)
    return index


_ROWS = _index()
