"""The table: caller x ownership x bucket ACL x object ACL x what is needed, in both modes."""

from itertools import product

import pytest
from hypothesis import given, strategies as st

from s3gw.access.acl import CANNED, SINGLE, Acl, Grant, Group, Permission, Project, acl_of, private
from s3gw.access.decide import Entry, Known, Mode, Native, Verdict, Who, decide
from s3gw.access.needs import Need
from tests.unit.access.strategies import acls

OWNER, OTHER, THIRD = Who("0wner", "ann"), Who("0ther", "bob"), Who("third", "cid")
NOBODY = None
STRANGERS = (OTHER, THIRD, NOBODY)
MODES: tuple[Mode, ...] = ("swift", "s3")
DENIED, OWN_POWER, GRANTED = Verdict.DENIED, Verdict.OWN_POWER, Verdict.GRANTED

OF_BUCKET = {
    Need.BUCKET_READ: Permission.READ,
    Need.BUCKET_WRITE: Permission.WRITE,
    Need.BUCKET_READ_ACP: Permission.READ_ACP,
    Need.BUCKET_WRITE_ACP: Permission.WRITE_ACP,
}
OF_OBJECT = {
    Need.OBJECT_READ: Permission.READ,
    Need.OBJECT_READ_ACP: Permission.READ_ACP,
    Need.OBJECT_WRITE_ACP: Permission.WRITE_ACP,
}
EVERYTHING = Native(frozenset({Entry("*", "*")}), frozenset({Entry("*", "*")}), True, True)
OPEN = acl_of("0wner", [Grant(group, Permission.FULL_CONTROL) for group in Group])


def to(project: str, permission: Permission) -> Acl:
    return acl_of("0wner", [Grant(Project(project), permission)])


# Whoever the caller is


@pytest.mark.parametrize(("mode", "who"), [*product(MODES, (OWNER, *STRANGERS))])
def test_a_preflight_needs_nothing(mode: Mode, who: Who | None) -> None:
    assert decide(mode, who, Need.NOTHING, Known("0wner")) is OWN_POWER


@pytest.mark.parametrize("mode", MODES)
def test_ones_own_account_is_for_who_signs(mode: Mode) -> None:
    for who in (OWNER, OTHER):
        assert decide(mode, who, Need.CALLER, Known("0wner")) is OWN_POWER
    assert decide(mode, NOBODY, Need.CALLER, Known("0wner", OPEN, OPEN, EVERYTHING)) is DENIED


@pytest.mark.parametrize(("mode", "need"), [*product(MODES, Need)])
def test_the_owner_goes_to_swift_with_his_own_token_whatever_acls_say(
    mode: Mode, need: Need
) -> None:
    for known in (Known("0wner"), Known("0wner", Acl("0wner", ()), Acl("0wner", ()), Native())):
        assert decide(mode, OWNER, need, known) is OWN_POWER


@pytest.mark.parametrize(("mode", "who"), [*product(MODES, STRANGERS)])
def test_what_only_an_owner_may_no_acl_grants(mode: Mode, who: Who | None) -> None:
    assert decide(mode, who, Need.OWNER, Known("0wner", OPEN, OPEN, EVERYTHING)) is DENIED


# Mode swift


@pytest.mark.parametrize(
    ("need", "by_stranger", "by_nobody"),
    [
        (Need.BUCKET_READ, OWN_POWER, OWN_POWER),
        (Need.BUCKET_WRITE, OWN_POWER, DENIED),
        (Need.BUCKET_READ_ACP, DENIED, DENIED),
        (Need.BUCKET_WRITE_ACP, DENIED, DENIED),
        (Need.OBJECT_READ, OWN_POWER, OWN_POWER),
        (Need.OBJECT_READ_ACP, DENIED, DENIED),
        (Need.OBJECT_WRITE_ACP, DENIED, DENIED),
    ],
)
@pytest.mark.parametrize("known", [Known("0wner"), Known("0wner", OPEN, OPEN, EVERYTHING)])
def test_in_mode_swift_swift_decides_what_it_can_hold_and_the_rest_is_denied(
    need: Need, by_stranger: Verdict, by_nobody: Verdict, known: Known
) -> None:
    assert decide("swift", OTHER, need, known) is by_stranger
    assert decide("swift", NOBODY, need, known) is by_nobody


@given(
    st.sampled_from(STRANGERS), st.sampled_from(Need),
    st.builds(Known, st.just("0wner"), st.none() | acls, st.none() | acls),
)  # fmt: skip
def test_in_mode_swift_nobody_ever_gets_a_power_not_his_own(
    who: Who | None, need: Need, known: Known
) -> None:
    assert decide("swift", who, need, known) is not GRANTED


# Mode s3


@pytest.mark.parametrize(("who", "need"), [*product(STRANGERS, [*OF_BUCKET, *OF_OBJECT])])
def test_what_is_unknown_or_private_grants_nothing(who: Who | None, need: Need) -> None:
    mine = private("0wner")
    for known in (Known("0wner"), Known("0wner", mine, mine), Known("0wner", mine, mine, Native())):
        assert decide("s3", who, need, known) is DENIED


@pytest.mark.parametrize(("need", "permission"), [*product(OF_BUCKET, SINGLE)])
def test_a_bucket_acl_grants_its_own_permissions_to_its_own_grantees(
    need: Need, permission: Permission
) -> None:
    expected = GRANTED if OF_BUCKET[need] is permission else DENIED
    known = Known("0wner", bucket=to("0ther", permission))
    assert decide("s3", OTHER, need, known) is expected
    assert decide("s3", THIRD, need, known) is DENIED
    assert decide("s3", NOBODY, need, known) is DENIED


@pytest.mark.parametrize(("need", "permission"), [*product(OF_OBJECT, SINGLE)])
def test_an_object_acl_grants_its_own_permissions_to_its_own_grantees(
    need: Need, permission: Permission
) -> None:
    expected = GRANTED if OF_OBJECT[need] is permission else DENIED
    known = Known("0wner", object=to("0ther", permission))
    assert decide("s3", OTHER, need, known) is expected
    assert decide("s3", THIRD, need, known) is DENIED
    assert decide("s3", NOBODY, need, known) is DENIED


@pytest.mark.parametrize("who", STRANGERS)
def test_bucket_read_lists_and_opens_no_object(who: Who | None) -> None:
    public = CANNED["public-read"]("0wner", "0wner")
    known = Known("0wner", bucket=public, object=private("0wner"))
    assert decide("s3", who, Need.BUCKET_READ, known) is GRANTED
    assert decide("s3", who, Need.OBJECT_READ, known) is DENIED
    known = Known("0wner", bucket=OPEN, object=None)
    assert [decide("s3", who, need, known) for need in OF_OBJECT] == [DENIED] * 3


@pytest.mark.parametrize("who", STRANGERS)
def test_an_open_object_opens_no_bucket(who: Who | None) -> None:
    known = Known("0wner", bucket=private("0wner"), object=OPEN)
    assert [decide("s3", who, need, known) for need in OF_OBJECT] == [GRANTED] * 3
    assert [decide("s3", who, need, known) for need in OF_BUCKET] == [DENIED] * 4


@pytest.mark.parametrize(
    ("name", "by_stranger", "by_nobody"),
    [
        ("private", [DENIED] * 4, [DENIED] * 4),
        ("public-read", [GRANTED, DENIED, DENIED, DENIED], [GRANTED, DENIED, DENIED, DENIED]),
        (
            "public-read-write",
            [GRANTED, GRANTED, DENIED, DENIED],
            [GRANTED, GRANTED, DENIED, DENIED],
        ),
        ("authenticated-read", [GRANTED, DENIED, DENIED, DENIED], [DENIED] * 4),
        ("bucket-owner-read", [DENIED] * 4, [DENIED] * 4),
        ("bucket-owner-full-control", [DENIED] * 4, [DENIED] * 4),
    ],
)
def test_what_a_canned_acl_of_a_bucket_lets_strangers_do(
    name: str, by_stranger: list[Verdict], by_nobody: list[Verdict]
) -> None:
    known = Known("0wner", bucket=CANNED[name]("0wner", "0wner"))
    assert [decide("s3", OTHER, need, known) for need in OF_BUCKET] == by_stranger
    assert [decide("s3", NOBODY, need, known) for need in OF_BUCKET] == by_nobody


@pytest.mark.parametrize(
    ("native", "who", "reads", "lists", "writes"),
    [
        (Native(), OTHER, DENIED, DENIED, DENIED),
        (Native(is_public=True), OTHER, OWN_POWER, DENIED, DENIED),
        (Native(is_public=True), NOBODY, OWN_POWER, DENIED, DENIED),
        (Native(is_public=True, is_listed=True), NOBODY, OWN_POWER, OWN_POWER, DENIED),
        (Native(frozenset({Entry("0ther", "*")})), OTHER, OWN_POWER, OWN_POWER, DENIED),
        (Native(frozenset({Entry("0ther", "*")})), THIRD, DENIED, DENIED, DENIED),
        (Native(frozenset({Entry("0ther", "*")})), NOBODY, DENIED, DENIED, DENIED),
        (Native(frozenset({Entry("0ther", "bob")})), OTHER, OWN_POWER, OWN_POWER, DENIED),
        (Native(frozenset({Entry("0ther", "eve")})), OTHER, DENIED, DENIED, DENIED),
        (Native(frozenset({Entry("*", "bob")})), OTHER, OWN_POWER, OWN_POWER, DENIED),
        (Native(frozenset({Entry("*", "*")})), THIRD, OWN_POWER, OWN_POWER, DENIED),
        (Native(frozenset({Entry("*", "*")})), NOBODY, DENIED, DENIED, DENIED),
        (Native(writers=frozenset({Entry("0ther", "*")})), OTHER, DENIED, DENIED, GRANTED),
        (Native(writers=frozenset({Entry("*", "*")})), NOBODY, DENIED, DENIED, DENIED),
    ],
)
def test_a_containers_own_acl_counts_as_grants_too(
    native: Native, who: Who | None, reads: Verdict, lists: Verdict, writes: Verdict
) -> None:
    known = Known("0wner", private("0wner"), private("0wner"), native)
    assert decide("s3", who, Need.OBJECT_READ, known) is reads
    assert decide("s3", who, Need.BUCKET_READ, known) is lists
    assert decide("s3", who, Need.BUCKET_WRITE, known) is writes
    for need in set(Need) - {Need.OBJECT_READ, Need.BUCKET_READ, Need.BUCKET_WRITE}:
        if need not in {Need.NOTHING, Need.CALLER}:
            assert decide("s3", who, need, known) is DENIED


@given(
    st.sampled_from(STRANGERS), st.sampled_from([*OF_BUCKET, *OF_OBJECT, Need.OWNER]), acls, acls
)
def test_every_grant_stands_in_the_acl_that_is_asked(
    who: Who | None, need: Need, bucket: Acl, item: Acl
) -> None:
    verdict = decide("s3", who, need, Known("0wner", bucket, item))
    acl = bucket if need in OF_BUCKET else item
    permission = {**OF_BUCKET, **OF_OBJECT}.get(need)
    project = None if who is None else who.project
    permitted = permission is not None and acl.permits(project, permission)
    assert verdict is (GRANTED if permitted else DENIED)
