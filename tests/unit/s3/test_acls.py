"""What clients say of ACLs is read whole, or refused with what AWS says."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from s3gw.access.acl import Acl, Grant, Group, Permission, Project, private
from s3gw.s3 import documents
from s3gw.s3.acls import from_headers, from_request, parse_policy
from s3gw.s3.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRequest,
    MalformedACLError,
    MissingSecurityHeader,
    NotImplemented as S3NotImplemented,
    S3Error,
    UnexpectedContent,
    UnresolvableGrantByEmailAddress,
)
from s3gw.s3.request import Headers
from s3gw.s3.xml import render
from tests.unit.access.strategies import acls
from tests.unit.s3.wire import written_body

OWNER, OTHER = "0wner", "0ther"
ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def asked(*pairs: tuple[str, str]) -> Acl | None:
    return from_headers(Headers(pairs), OWNER, OWNER)


def refused(*pairs: tuple[str, str]) -> S3Error:
    with pytest.raises(S3Error) as error:
        asked(*pairs)
    return error.value


def grants_of(acl: Acl | None) -> set[tuple[Project | Group, Permission]]:
    assert acl is not None
    assert acl.owner == OWNER
    return {(grant.grantee, grant.permission) for grant in acl.grants}


# Headers


@pytest.mark.parametrize("pairs", [(), (("x-amz-acl", ""),), (("x-amz-meta-acl", "private"),)])
def test_headers_may_say_nothing_of_an_acl(pairs: tuple[tuple[str, str], ...]) -> None:
    assert asked(*pairs) is None


def test_a_canned_name_is_its_acl() -> None:
    assert asked(("X-Amz-Acl", "private")) == private(OWNER)
    assert (Group.ALL_USERS, Permission.READ) in grants_of(asked(("x-amz-acl", "public-read")))


@pytest.mark.parametrize("name", ["public", "PRIVATE", "private,private", "x"])
def test_an_unknown_canned_name_is_refused_by_name(name: str) -> None:
    error = refused(("x-amz-acl", name))
    assert isinstance(error, InvalidArgument)
    assert error.details == {"ArgumentName": "x-amz-acl", "ArgumentValue": name}


@pytest.mark.parametrize("name", ["aws-exec-read", "log-delivery-write"])
def test_what_only_aws_itself_needs_is_not_implemented(name: str) -> None:
    assert isinstance(refused(("x-amz-acl", name)), S3NotImplemented)
    uri = 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'
    assert isinstance(refused(("x-amz-grant-write", uri)), S3NotImplemented)


def test_each_header_grants_its_permission() -> None:
    found = asked(
        ("x-amz-grant-read", f'uri="{ALL}", id="{OTHER}"'),
        ("x-amz-grant-write", f"id={OTHER}"),
        ("x-amz-grant-read-acp", f"uri={SIGNERS}"),
        ("X-Amz-Grant-Write-Acp", f'ID = "{OTHER}" ,  id="third"'),
        ("x-amz-grant-full-control", f'id="{OWNER}"'),
    )
    assert grants_of(found) == {
        (Group.ALL_USERS, Permission.READ),
        (Project(OTHER), Permission.READ),
        (Project(OTHER), Permission.WRITE),
        (Group.AUTHENTICATED_USERS, Permission.READ_ACP),
        (Project(OTHER), Permission.WRITE_ACP),
        (Project("third"), Permission.WRITE_ACP),
        (Project(OWNER), Permission.FULL_CONTROL),
    }


def test_headers_that_grant_give_the_owner_nothing_by_themselves() -> None:
    assert grants_of(asked(("x-amz-grant-read", f"id={OTHER}"))) == {
        (Project(OTHER), Permission.READ)
    }


def test_a_canned_name_and_grants_exclude_each_other() -> None:
    error = refused(("x-amz-acl", "private"), ("x-amz-grant-read", f"id={OTHER}"))
    assert isinstance(error, InvalidRequest)
    assert error.message == "Specifying both Canned ACLs and Header Grants is not allowed"


@pytest.mark.parametrize(
    ("value", "message", "argument"),
    [
        ("", "Argument format not recognized", "x-amz-grant-read"),
        ("id", "Argument format not recognized", "x-amz-grant-read"),
        ("0ther", "Argument format not recognized", "x-amz-grant-read"),
        ("name=0ther", "Argument format not recognized", "x-amz-grant-read"),
        ('id="0ther', "Argument format not recognized", "x-amz-grant-read"),
        ('id="0ther" id="x"', "Argument format not recognized", "x-amz-grant-read"),
        ("id=0ther,", "Argument format not recognized", "x-amz-grant-read"),
        ("id=0ther,,id=x", "Argument format not recognized", "x-amz-grant-read"),
        ("id=", "Invalid id", "id"),
        ("id=*", "Invalid id", "id"),
        ('id="0ther:*,.r:*"', "Invalid id", "id"),
        ("id=.r:*", "Invalid id", "id"),
        ("uri=AllUsers", "Invalid group uri", "uri"),
        (f'uri="{ALL}x"', "Invalid group uri", "uri"),
    ],
)
def test_a_grantee_that_is_none_is_refused(value: str, message: str, argument: str) -> None:
    error = refused(("x-amz-grant-read", value))
    assert isinstance(error, InvalidArgument)
    assert (error.message, error.details["ArgumentName"]) == (message, argument)


def test_nobody_is_known_by_an_email_address() -> None:
    error = refused(("x-amz-grant-read", 'emailAddress="someone@example.com"'))
    assert isinstance(error, UnresolvableGrantByEmailAddress)


def test_headers_have_at_most_100_grants() -> None:
    many = ",".join(f"id=p{n}" for n in range(100))
    assert len(grants_of(asked(("x-amz-grant-read", many)))) == 100
    assert isinstance(refused(("x-amz-grant-read", many + ",id=one-more")), InvalidArgument)


@given(st.sampled_from(["x-amz-acl", "x-amz-grant-read"]), st.text())
def test_any_value_is_an_acl_or_an_error_of_s3(name: str, value: str) -> None:
    answer: Acl | S3Error | None
    try:
        answer = asked((name, value))
    except S3Error as error:
        answer = error
    says_nothing = name == "x-amz-acl" and not value.strip(" \t")
    assert (answer is None) is says_nothing


# Policies


def policy(*grants: str, owner: str = f"<Owner><ID>{OWNER}</ID></Owner>") -> bytes:
    listed = f"<AccessControlList>{''.join(grants)}</AccessControlList>"
    return f"<AccessControlPolicy>{owner}{listed}</AccessControlPolicy>".encode()


def grant(grantee: str, kind: str = "CanonicalUser", permission: str = "READ") -> str:
    return (
        f'<Grant><Grantee {XSI} xsi:type="{kind}">{grantee}</Grantee>'
        f"<Permission>{permission}</Permission></Grant>"
    )


@given(acls)
def test_a_policy_that_we_answer_can_be_sent_back(acl: Acl) -> None:
    owner = documents.Owner(acl.owner, "a name")
    assert parse_policy(render(documents.access_control_policy(owner, acl)), acl.owner) == acl


def test_the_policy_of_boto3_is_read() -> None:
    other: dict[str, Any] = {"Type": "CanonicalUser", "ID": OTHER, "DisplayName": "Someone"}
    body = written_body(
        "PutBucketAcl",
        Bucket="b",
        AccessControlPolicy={
            "Owner": {"ID": OWNER, "DisplayName": "me"},
            "Grants": [
                {"Grantee": other, "Permission": "FULL_CONTROL"},
                {"Grantee": {"Type": "Group", "URI": SIGNERS}, "Permission": "WRITE"},
            ],
        },
    )
    assert parse_policy(body, OWNER) == Acl(
        OWNER,
        (
            Grant(Project(OTHER), Permission.FULL_CONTROL),
            Grant(Group.AUTHENTICATED_USERS, Permission.WRITE),
        ),
    )


def test_a_policy_may_grant_nothing_at_all() -> None:
    assert parse_policy(policy(), OWNER) == Acl(OWNER, ())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"<AccessControlPolicy>", b"<AccessControlPolicy/>", b"<Policy/>",
        policy(owner=""), policy(owner="<Owner/>"),
        policy(owner=f"<Owner><ID>{OWNER}</ID></Owner>" * 2),
        policy("<Grant/>"), policy("<Permission>READ</Permission>"),
        policy(grant(f"<ID>{OTHER}</ID>", permission="OWN")),
        policy(grant(f"<ID>{OTHER}</ID>", permission="read")),
        policy(grant(f"<ID>{OTHER}</ID>", permission="")),
        policy(grant(f"<ID>{OTHER}</ID>", kind="")),
        policy(grant(f"<ID>{OTHER}</ID>", kind="User")),
        policy(grant(f"<URI>{ALL}</URI>")), policy(grant(f"<ID>{OTHER}</ID>", kind="Group")),
        policy(grant(f"<ID>{OTHER}</ID><ID>third</ID>")),
        policy(grant("<ID><b/></ID>")),
        policy(f"<Grant><Grantee><ID>{OTHER}</ID></Grantee><Permission>READ</Permission></Grant>"),
        policy(grant(f"<ID>{OTHER}</ID>").replace("</Grant>", "<Until>1</Until></Grant>")),
        policy(*[grant(f"<ID>p{n}</ID>") for n in range(101)]),
        policy().replace(b"</AccessControlPolicy>", b"<More/></AccessControlPolicy>"),
    ],
)  # fmt: skip
def test_what_is_no_policy_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedACLError):
        parse_policy(body, OWNER)


@pytest.mark.parametrize(
    ("entry", "argument"),
    [
        (grant("<ID>*</ID>"), "CanonicalUser/ID"),
        (grant("<ID></ID>"), "CanonicalUser/ID"),
        (grant("<ID>.r:*</ID>"), "CanonicalUser/ID"),
        (grant("<URI>x</URI>", kind="Group"), "Group/URI"),
    ],
)
def test_a_grantee_of_a_policy_that_is_none_is_refused(entry: str, argument: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_policy(policy(entry), OWNER)
    assert error.value.details["ArgumentName"] == argument


def test_email_addresses_in_a_policy_are_not_resolved() -> None:
    entry = grant("<EmailAddress>a@example.com</EmailAddress>", kind="AmazonCustomerByEmail")
    with pytest.raises(UnresolvableGrantByEmailAddress):
        parse_policy(policy(entry), OWNER)


def test_a_policy_cannot_change_the_owner() -> None:
    with pytest.raises(AccessDenied):
        parse_policy(policy(owner=f"<Owner><ID>{OTHER}</ID></Owner>"), OWNER)


# A whole request


def test_a_request_has_headers_or_a_body() -> None:
    canned = Headers([("x-amz-acl", "private")])
    assert from_request(canned, b"", OWNER, OWNER) == private(OWNER)
    assert from_request(Headers([]), policy(), OWNER, OWNER) == Acl(OWNER, ())
    with pytest.raises(UnexpectedContent):
        from_request(canned, policy(), OWNER, OWNER)
    with pytest.raises(MissingSecurityHeader) as error:
        from_request(Headers([]), b"", OWNER, OWNER)
    assert error.value.details == {"MissingHeaderName": "x-amz-acl"}
