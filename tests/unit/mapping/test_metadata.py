"""What clients say of their objects comes back as they said it, or is refused."""

import re
import string
from base64 import b64decode, b64encode
from email.header import decode_header, make_header
from email.quoprimime import header_encode

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping.metadata import (
    check_limits,
    content_type_parameter,
    decode_value,
    encode_value,
    from_swift,
    strip_parameters,
    to_swift,
)
from s3gw.s3.errors import InvalidArgument, MetadataTooLarge
from s3gw.s3.request import Headers
from s3gw.swift.info import ClusterInfo

LIMITS = ClusterInfo()
META = "x-object-meta-"
KEPT = {
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Expires",
}
SWIFT_NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")  # a token without `_`
VISIBLE = re.compile(r"[\t\x20-\x7e]*")


def as_swift_returns(sent: dict[str, str], limits: ClusterInfo = LIMITS) -> dict[str, str]:
    """What a HEAD shows of what a PUT sent, after Swift's own checks of it."""
    meta = {name[len(META) :]: v for name, v in sent.items() if name.lower().startswith(META)}
    assert {name for name in sent if not name.lower().startswith(META)} <= KEPT
    assert all(SWIFT_NAME.fullmatch(name) for name in sent)
    assert all(not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) for value in sent.values())
    sizes = [(len(name), len(value.encode("utf-8"))) for name, value in meta.items()]
    assert len(sizes) <= limits.max_meta_count
    assert all(0 < size <= limits.max_meta_name_length for size, _ in sizes)
    assert all(size <= limits.max_meta_value_length for _, size in sizes)
    assert sum(map(sum, sizes)) <= limits.max_meta_overall_size
    return {name.title(): value.strip(" \t") for name, value in sent.items()}


def round_trip(pairs: dict[str, str]) -> dict[str, str]:
    """The metadata that a client gets for what it sent; values leave it as UTF-8."""
    sent = [(f"X-Amz-Meta-{n}".encode(), value.encode("utf-8")) for n, value in pairs.items()]
    answered = list(from_swift(as_swift_returns(to_swift(Headers.from_bytes(sent), LIMITS))))
    assert answered[0] == ("Content-Type", "binary/octet-stream")
    got = {name.removeprefix("x-amz-meta-"): value for name, value in answered[1:]}
    assert len(got) == len(answered) - 1
    return got


def meaning(value: str) -> str:
    """A header value as a client of RFC 2047 reads it."""
    return str(make_header(decode_header(value)))


def trimmed(text: str) -> str:
    return text.strip(" \t")


names = st.text("abcxyz0159_%.-!#$&'*+^`|~", min_size=1, max_size=20).filter(
    lambda name: not name.startswith("s3gw-")
)
ascii_values = (
    st.text(string.printable[:95] + "\t", max_size=60)
    .map(trimmed)
    .filter(lambda value: "=?" not in value)
)
texts = st.text(
    st.characters(codec="utf-8", exclude_characters=[chr(n) for n in (*range(32), 127)]),
    max_size=60,
).map(trimmed)
foreign_texts = texts.filter(lambda text: not text.isascii())


@given(st.dictionaries(names, ascii_values, max_size=5))
@example({"a_b": "1", "a%5fb": "2", "a%25_": "3", "a-b": "4", "%": "5"})
@example({"a": "", "b": "%41 %", "c": 'a,b;c="d" \\'})
def test_ascii_metadata_comes_back_unchanged(pairs: dict[str, str]) -> None:
    assert round_trip(pairs) == pairs


@given(names, ascii_values)
def test_names_come_back_in_lower_case(name: str, value: str) -> None:
    assert round_trip({name.upper(): value}) == {name: value}


@given(names, foreign_texts)
@example("a", "\u20ac" * 60)
@example("a", "\U0001f600" * 45)
@example("a", "caf\xe9 =?UTF-8?Q?a?=")
@example("a", "\xa0")
@example("a", "a\x85b")
def test_other_text_comes_back_as_words_that_mean_it(name: str, value: str) -> None:
    (shown,) = round_trip({name: value}).values()
    assert shown.isascii()
    assert meaning(shown) == value


@given(foreign_texts)
def test_each_word_is_within_rfc_2047_and_text_of_its_own(text: str) -> None:
    words = encode_value(text).split(" ")
    assert all(len(word) <= 75 for word in words)
    pieces = [re.fullmatch(r"=\?UTF-8\?B\?([A-Za-z0-9+/=]+)\?=", word) for word in words]
    assert "".join(b64decode(piece[1]).decode("utf-8") for piece in pieces if piece) == text


@given(texts.filter(bool), st.sampled_from(["utf-8", "UTF-8"]), st.sampled_from("bBqQ"))
def test_words_of_clients_are_understood(text: str, charset: str, encoding: str) -> None:
    raw = text.encode("utf-8")
    if encoding in "bB":
        word = f"=?{charset}?{encoding}?{b64encode(raw).decode()}?="
    else:
        word = header_encode(raw, charset).replace("?q?", f"?{encoding}?")
    assert decode_value(word) == text
    (shown,) = round_trip({"a": word}).values()
    assert (shown if text.isascii() else meaning(shown)) == text


@given(foreign_texts)
def test_what_was_shown_can_be_sent_again(text: str) -> None:
    assert decode_value(encode_value(text)) == text


def test_bytes_that_are_not_utf8_are_latin1() -> None:
    kept = to_swift(Headers.from_bytes([(b"x-amz-meta-a", b"caf\xe9")]), LIMITS)
    assert kept["X-Object-Meta-a"] == "caf\xe9"


def test_bytes_in_swift_that_are_not_utf8_are_shown_as_they_are() -> None:
    assert encode_value(b"caf\xe9".decode("utf-8", "surrogateescape")) == "=?UTF-8?B?Y2Fm6Q==?="


@pytest.mark.parametrize(
    "value",
    ["=?", "=?x?=", "=?utf-16?B?QUE=?=", "=?utf-7?Q?+2AA-?=", "=?none?Q?a?=", "=?utf-8?B?/w==?=",
     "=?utf-8?B?A?=", "=?utf-8?X?a?="],
)  # fmt: skip
def test_what_only_looks_like_words_is_kept_as_it_came(value: str) -> None:
    assert decode_value(value) == value
    assert round_trip({"a": value}) == {"a": value}


@given(names, st.text(string.printable[:95] + "\t", min_size=1, max_size=9), st.integers(257, 900))
@example("a_b", "x ", 512)
@example("%", " ", 300)
@example("a", "%41%", 300)
def test_long_values_are_split_and_joined(name: str, piece: str, size: int) -> None:
    value = "a" + (piece * size)[:size] + "z"
    if "=?" not in value:
        kept = to_swift(Headers([(f"x-amz-meta-{name}", value)]), LIMITS)
        assert f"X-Object-Meta-{name}" not in kept
        assert round_trip({name: value, "other": "1"}) == {name: value, "other": "1"}


@given(foreign_texts, st.integers(257, 900))
def test_long_values_of_other_text_are_split_and_joined(piece: str, size: int) -> None:
    value = (piece * size).encode("utf-8")[:size].decode("utf-8", "ignore") + "\u20ac"
    value = trimmed(value)
    assert meaning(round_trip({"a": value})["a"]) == value


def test_several_long_values_are_kept_apart() -> None:
    pairs = {name: name * 400 for name in "abc"}
    assert round_trip(pairs) == pairs


@pytest.mark.parametrize(("size", "pieces"), [(256, 0), (257, 2), (512, 2), (513, 3)])
def test_only_what_swift_would_refuse_is_split(size: int, pieces: int) -> None:
    kept = to_swift(Headers([("x-amz-meta-a", "v" * size)]), LIMITS)
    names_of_pieces = [f"X-Object-Meta-S3gw-Long-0-{n}" for n in range(pieces + 1)]
    assert list(kept)[1:] == (names_of_pieces if pieces else ["X-Object-Meta-a"])


# --- what is refused ---

wild_limits = st.builds(
    ClusterInfo,
    max_meta_count=st.integers(1, 12),
    max_meta_name_length=st.integers(1, 128),
    max_meta_value_length=st.integers(1, 300),
    max_meta_overall_size=st.integers(1, 4096),
)
wild_text = st.lists(
    st.one_of(
        st.text(st.characters(max_codepoint=255), max_size=8),
        st.sampled_from(["=?utf-8?B?", "=?utf-8?Q?", "=?latin-1?q?", "?=", "=00", "=0A", "w4k=",
                         ";", "s3gw_etag=", "aws-chunked", "a" * 257]),
    ),
    max_size=6,
).map("".join)  # fmt: skip
wild_headers = st.lists(
    st.tuples(
        st.one_of(wild_text.map("x-amz-meta-".__add__), names.map("x-amz-meta-".__add__),
                  st.sampled_from(sorted(KEPT))),
        wild_text,
    ),
    max_size=6,
)  # fmt: skip


@given(wild_headers, wild_limits)
def test_whatever_comes_is_kept_within_the_limits_or_refused(
    pairs: list[tuple[str, str]], limits: ClusterInfo
) -> None:
    try:
        kept = to_swift(Headers(pairs), limits)
    except (InvalidArgument, MetadataTooLarge):
        return
    for name, value in from_swift(as_swift_returns(kept, limits)):
        assert VISIBLE.fullmatch(value)
        assert name in KEPT or name.startswith("x-amz-meta-")


@pytest.mark.parametrize("name", ["", "a b", "a=5fb", "\xe9", "a(b)", "a\x00b", "s3gw-etag"])
def test_a_name_that_swift_cannot_keep_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        to_swift(Headers([(f"x-amz-meta-{name}", "v")]), LIMITS)
    assert refused.value.details == {"ArgumentName": f"x-amz-meta-{name}", "ArgumentValue": name}


@pytest.mark.parametrize("name", ["x-amz-meta-a", "Cache-Control", "Content-Type"])
def test_words_cannot_smuggle_in_a_line(name: str) -> None:
    word = "=?utf-8?Q?a=0D=0AX-Evil:_1?="
    with pytest.raises(InvalidArgument) as refused:
        to_swift(Headers([(name, word)]), LIMITS)
    assert refused.value.details == {"ArgumentName": name, "ArgumentValue": word}


def test_s3s_own_limit_is_2048_bytes_of_names_and_values() -> None:
    def headers(size: int) -> Headers:
        return Headers([("x-amz-meta-ab", "v" * (size - 2))])

    assert len(to_swift(headers(2048), LIMITS)) > 1
    with pytest.raises(MetadataTooLarge) as refused:
        to_swift(headers(2049), LIMITS)
    assert refused.value.details == {"Size": "2049", "MaxSizeAllowed": "2048"}


def test_the_gateways_own_metadata_has_its_place_beside_the_clients() -> None:
    limits = ClusterInfo(max_meta_count=4, max_meta_overall_size=200)
    found = {"X-Object-Meta-a": "1", "X-Object-Meta-b": "1234"}
    check_limits(found, limits)
    for more in ({"X-Object-Meta-c": ""}, {"X-Object-Meta-a": "12345"}):
        with pytest.raises(MetadataTooLarge):
            check_limits(found | more, limits)


# --- what Swift holds that others wrote ---


def test_the_gateways_own_metadata_is_never_shown() -> None:
    held = {
        "X-Object-Meta-S3Gw-Etag": "x-1",
        "X-Object-Meta-S3Gw-Checksum": "a:b:c:d",
        "X-Object-Meta-S3Gw-Long-0-1": "a piece without a name",
        "X-Object-Meta-S3Gw-Long-1-0": "not a name",
        "X-Object-Meta-S3Gw-Long-X-0": "name",
        "X-Object-Meta-S3Gw-Long-\xb2-0": "name",
        "X-Timestamp": "1",
        "X-Object-Meta-Shown": "v",
    }
    assert list(from_swift(held)) == [("x-amz-meta-shown", "v")]


@pytest.mark.parametrize(
    ("held", "shown"),
    [
        ("A=5Fb", "a_b"),
        ("A%5fB", "a_b"),
        ("A%255Fb", "a%5fb"),
        ("A%20B", "a%20b"),
        ("A%3D41", "a%3d41"),
    ],
)
def test_only_the_escapes_of_the_gateway_and_s3api_are_undone(held: str, shown: str) -> None:
    assert list(from_swift({f"X-Object-Meta-{held}": "v"})) == [(f"x-amz-meta-{shown}", "v")]


@pytest.mark.parametrize("name", ["A=41", "a b", "é", "a(b", "☃", "a\r\nb"])
def test_what_is_no_name_of_a_header_is_counted_and_not_shown(name: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html."""
    held = {f"X-Object-Meta-{name}": "v", "X-Object-Meta-(": "v", "X-Object-Meta-Good": "g"}
    assert list(from_swift(held)) == [("x-amz-meta-good", "g"), ("x-amz-missing-meta", "2")]


def test_pieces_are_joined_in_the_order_of_their_numbers() -> None:
    pieces = {f"X-Object-Meta-S3gw-Long-7-{n}": f"<{n}>" for n in range(11, 0, -1)}
    held = {**pieces, "X-Object-Meta-S3gw-Long-7-0": "A%5Fb"}
    assert list(from_swift(held)) == [("x-amz-meta-a_b", "".join(f"<{n}>" for n in range(1, 12)))]


# --- HTTP's own headers ---


def test_http_headers_are_kept_and_nothing_else() -> None:
    sent = {
        "Cache-Control": "no-cache",
        "Content-Disposition": 'attachment; filename="a"',
        "Content-Encoding": "gzip",
        "Content-Language": "de",
        "Content-Type": "text/plain; charset=utf-8",
        "Expires": "0",
    }
    others = {"X-Delete-At": "1", "X-Object-Manifest": "a/b", "X-Amz-Date": "1", "ETag": "x"}
    kept = to_swift(Headers([*sent.items(), *others.items()]), LIMITS)
    assert kept == sent
    assert dict(from_swift(kept)) == sent


@given(st.sampled_from(sorted(KEPT - {"Content-Encoding"})), foreign_texts)
def test_http_headers_hold_any_text(name: str, text: str) -> None:
    value = "a/b" + text.replace(";", "")
    sent = Headers.from_bytes([(name.encode(), value.encode("utf-8"))])
    assert to_swift(sent, LIMITS)[name] == value
    assert meaning(dict(from_swift({name: value}))[name]) == value


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", None), ("", None), ("AWS-Chunked,gzip", "gzip"),
        ("gzip , aws-chunked", "gzip"), ("gzip,br", "gzip, br"),
    ],
)  # fmt: skip
def test_the_coding_of_the_transfer_is_not_kept(sent: str, kept: str | None) -> None:
    headers = to_swift(Headers([("Content-Encoding", sent)]), LIMITS)
    assert headers.get("Content-Encoding") == kept


@pytest.mark.parametrize("given_type", [[], [("Content-Type", "")]])
def test_swift_never_guesses_the_content_type(given_type: list[tuple[str, str]]) -> None:
    assert to_swift(Headers(given_type), LIMITS) == {"Content-Type": "binary/octet-stream"}


@pytest.mark.parametrize(
    "value",
    ["a/b;s3gw_etag=x", "a/b ; S3GW_x=1", 'a/b;c="d;swift_bytes=1"', "a/b; swift_x=1",
     "=?utf-8?Q?a/b;s3gw=5Fetag=3Dx?="],
)  # fmt: skip
def test_reserved_parameters_of_the_content_type_are_refused(value: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        to_swift(Headers([("Content-Type", value)]), LIMITS)
    assert refused.value.details["ArgumentName"] == "Content-Type"


@given(st.text('ab/;="\\ s3gw_\xe9', max_size=20), st.booleans())
def test_a_parameter_put_to_a_content_type_is_read_and_taken_off_again(
    text: str,
    quoted: bool,  # noqa: FBT001  # hypothesis passes it
) -> None:
    try:
        kept = to_swift(Headers.from_bytes([(b"content-type", text.encode("utf-8"))]), LIMITS)
    except InvalidArgument:
        return
    plain = kept["Content-Type"]
    value = '"x-2"' if quoted else "x-2"
    assert content_type_parameter(plain, "s3gw_etag") is None
    assert content_type_parameter(f"{plain};s3gw_etag={value}", "s3gw_etag") == "x-2"
    assert strip_parameters(f"{plain};s3gw_etag={value}") == plain
