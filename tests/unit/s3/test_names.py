"""What buckets and keys may be called."""

import pytest

from s3gw.s3.errors import InvalidBucketName, InvalidURI, KeyTooLongError
from s3gw.s3.names import check_key, check_new_bucket_name


@pytest.mark.parametrize(
    "name", ["abc", "a" * 63, "my.bucket-1", "1.2.3", "1.2.3.4.5", "a--b", "0ab", "a.-b"]
)
def test_names_that_s3_allows_pass(name: str) -> None:
    check_new_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "a b",
        "abc\n",
        "äbc",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "192.168.0.1",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-abc",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "abc+segments",
        ".s3gw",
    ],
)
def test_names_that_s3_does_not_allow_are_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidBucketName) as caught:
        check_new_bucket_name(name)
    assert caught.value.details == {"BucketName": name}


def test_a_key_is_measured_in_bytes() -> None:
    check_key("é" * 512, 1024)
    with pytest.raises(KeyTooLongError) as caught:
        check_key("é" * 512 + "x", 1024)
    assert caught.value.details == {"Size": "1025", "MaxSizeAllowed": "1024"}


def test_a_key_with_a_nul_is_no_uri() -> None:
    with pytest.raises(InvalidURI):
        check_key("a\x00b", 1024)


@pytest.mark.parametrize("key", ["..", "./a", "a//b", "/a", "a/", "\x01\r\n", "\uffff"])
def test_odd_keys_are_keys(key: str) -> None:
    check_key(key, 1024)
