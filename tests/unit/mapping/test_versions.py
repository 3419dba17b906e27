"""`null` is the one version that can be named, where it is the only one."""

import pytest
from hypothesis import given, strategies as st

from s3gw.mapping.versions import (
    NULL,
    check_null_version,
    check_version_id,
    is_versioned,
    keeps_versions,
    unnameable,
)
from s3gw.s3.errors import InvalidArgument, NotImplemented

LATER = {"X-Object-Version-Id": "1704164645.00000"}


def test_no_version_id_names_no_version() -> None:
    assert not check_version_id(None)
    assert check_version_id("null")


def test_an_empty_version_id_is_an_invalid_argument() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_version_id("")
    assert refused.value.details == {"ArgumentName": "versionId", "ArgumentValue": ""}
    assert refused.value.message == "Version id cannot be the empty string"


@given(st.text(min_size=1).filter(lambda text: text != NULL))
def test_every_other_version_is_not_implemented(version_id: str) -> None:
    with pytest.raises(NotImplemented) as refused:
        check_version_id(version_id)
    assert refused.value.details == {"Parameter": "versionId"}


def test_null_never_stands_for_a_later_version() -> None:
    with pytest.raises(NotImplemented):
        check_null_version("null", LATER)
    check_null_version(None, LATER)
    check_null_version("null", {"X-Object-Version-Id": "null"})
    check_null_version("null", {})


@pytest.mark.parametrize(
    ("headers", "versioned"), [(LATER, True), ({"X-Object-Version-Id": "null"}, True), ({}, False)]
)
def test_any_version_id_tells_that_versions_may_exist(
    headers: dict[str, str],
    versioned: bool,  # noqa: FBT001  # a case of the table
) -> None:
    assert is_versioned(headers) is versioned


@pytest.mark.parametrize(
    "name", ["X-Versions-Enabled", "X-Versions-Location", "X-History-Location"]
)
@pytest.mark.parametrize("value", ["True", "False", "c"])
def test_a_container_that_ever_kept_versions_is_known(name: str, value: str) -> None:
    assert keeps_versions({name: value})


def test_a_plain_container_keeps_no_versions() -> None:
    assert not keeps_versions({"X-Container-Read": ".r:*", "X-Timestamp": "1"})


def test_why_a_version_cannot_be_named_is_said() -> None:
    error = unnameable()
    assert (error.status, error.details) == (501, {"Parameter": "versionId"})
    assert "versioning" in error.message
