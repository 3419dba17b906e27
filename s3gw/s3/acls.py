"""What clients say of ACLs: a canned name, headers that grant, or an AccessControlPolicy.

The rule: whoever is granted something is named exactly, or the request is refused; nothing that a
request says of an ACL is passed over.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from s3gw.access.acl import (
    CANNED,
    MAX_GRANTS,
    Acl,
    Grant,
    Grantee,
    Group,
    Permission,
    Project,
    acl_of,
    is_project_id,
)
from s3gw.s3 import errors
from s3gw.s3.documents import GROUP_URIS
from s3gw.s3.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRequest,
    MalformedACLError,
    MalformedXML,
    MissingSecurityHeader,
    UnexpectedContent,
    UnresolvableGrantByEmailAddress,
)
from s3gw.s3.request import Headers
from s3gw.s3.xml import Node, parse

ACL_HEADER = "x-amz-acl"

GRANT_HEADERS: Mapping[str, Permission] = MappingProxyType(
    {
        "x-amz-grant-read": Permission.READ,
        "x-amz-grant-write": Permission.WRITE,
        "x-amz-grant-read-acp": Permission.READ_ACP,
        "x-amz-grant-write-acp": Permission.WRITE_ACP,
        "x-amz-grant-full-control": Permission.FULL_CONTROL,
    }
)

_NOT_CANNED_HERE = frozenset(("aws-exec-read", "log-delivery-write"))
_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_GROUPS = MappingProxyType({uri: group for group, uri in GROUP_URIS.items()})
_GRANTEE = re.compile(r'\s*([A-Za-z]+)\s*=\s*("[^"]*"|[^",\s]*)\s*')


def from_headers(headers: Headers, owner: str, bucket_owner: str) -> Acl | None:
    """The ACL that the headers ask for, for an owner; None if they say nothing of one.

    Raises InvalidRequest (canned and granted), InvalidArgument, UnresolvableGrantByEmailAddress,
    NotImplemented (what only AWS's own services need).
    """
    canned = headers.get(ACL_HEADER)
    granting = [name for name in GRANT_HEADERS if name in headers]
    if canned and granting:
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
    if canned:
        return _canned(canned, owner, bucket_owner)
    if not granting:
        return None
    grants = [
        Grant(grantee, GRANT_HEADERS[name])
        for name in granting
        for grantee in _grantees(name, headers.get(name) or "")
    ]
    if len(grants) > MAX_GRANTS:
        raise _invalid(f"An ACL may have at most {MAX_GRANTS} grants", granting[0], len(grants))
    return acl_of(owner, grants)


def from_request(headers: Headers, body: bytes, owner: str, bucket_owner: str) -> Acl:
    """The ACL that a PutBucketAcl or PutObjectAcl sets: in its headers or in its body.

    Raises what `from_headers` does, UnexpectedContent (both), MissingSecurityHeader (neither),
    MalformedACLError, AccessDenied (of another owner).
    """
    acl = from_headers(headers, owner, bucket_owner)
    if acl is not None:
        if body:
            raise UnexpectedContent
        return acl
    if not body:
        raise MissingSecurityHeader(MissingHeaderName=ACL_HEADER)
    return parse_policy(body, owner)


def parse_policy(body: bytes, owner: str) -> Acl:
    """The ACL of an AccessControlPolicy; raises as `from_request` does."""
    try:
        root = parse(body)
        if root.tag != "AccessControlPolicy" or len(root.children) != 2:
            raise MalformedACLError
        named = _only(root, "Owner").leaf("ID")
        grants = [_grant(node) for node in _grant_nodes(_only(root, "AccessControlList"))]
    except MalformedXML as error:
        raise MalformedACLError from error
    if named is None:
        raise MalformedACLError
    if named.strip() != owner:
        raise AccessDenied
    return acl_of(owner, grants)


def _grant_nodes(grants: Node) -> list[Node]:
    nodes = grants.all("Grant")
    if len(nodes) != len(grants.children) or len(nodes) > MAX_GRANTS:
        raise MalformedACLError
    return nodes


def _only(node: Node, tag: str) -> Node:
    found = node.all(tag)
    if len(found) != 1:
        raise MalformedACLError
    return found[0]


def _grant(node: Node) -> Grant:
    permission = (node.leaf("Permission") or "").strip()
    if len(node.children) != 2 or permission not in set(Permission):
        raise MalformedACLError
    return Grant(_grantee(_only(node, "Grantee")), Permission(permission))


def _grantee(node: Node) -> Grantee:
    kind = node.type.rpartition(":")[2]
    member = {"CanonicalUser": "ID", "Group": "URI", "AmazonCustomerByEmail": "EmailAddress"}
    value = node.leaf(member[kind]) if kind in member else None
    if value is None:
        raise MalformedACLError
    value = value.strip()
    match kind:
        case "CanonicalUser":
            return _project(value, "CanonicalUser/ID")
        case "Group":
            return _group(value, "Group/URI")
        case _:
            raise UnresolvableGrantByEmailAddress


def _canned(name: str, owner: str, bucket_owner: str) -> Acl:
    if name in _NOT_CANNED_HERE:
        raise errors.NotImplemented(Header=ACL_HEADER)
    build = CANNED.get(name)
    if build is None:
        raise _invalid("The canned ACL is not known", ACL_HEADER, name)
    return build(owner, bucket_owner)


def _grantees(header: str, value: str) -> Iterator[Grantee]:
    """The grantees of `id="…", uri="…"`; the quotes may be missing."""
    start = 0
    while True:
        match = _GRANTEE.match(value, start)
        if match is None or value[match.end() : match.end() + 1] not in {"", ","}:
            raise _invalid("Argument format not recognized", header, value)
        yield _named(header, value, match[1], match[2].strip('"').strip())
        start = match.end() + 1
        if start > len(value):
            return


def _named(header: str, value: str, kind: str, name: str) -> Grantee:
    match kind.lower():
        case "id":
            return _project(name, "id")
        case "uri":
            return _group(name, "uri")
        case "emailaddress":
            raise UnresolvableGrantByEmailAddress
        case _:
            raise _invalid("Argument format not recognized", header, value)


def _project(name: str, argument: str) -> Project:
    if not is_project_id(name):
        raise _invalid("Invalid id", argument, name)
    return Project(name)


def _group(uri: str, argument: str) -> Group:
    if uri == _LOG_DELIVERY:
        raise errors.NotImplemented("Grants to the log delivery group are not implemented")
    group = _GROUPS.get(uri)
    if group is None:
        raise _invalid("Invalid group uri", argument, uri)
    return group


def _invalid(message: str, argument: str, value: object) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=argument, ArgumentValue=value)
