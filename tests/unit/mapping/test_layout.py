"""The names in Swift: written and read back, for every key and upload id."""

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping import layout

ID = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIj"
S3API_ID = urlsafe_b64encode(str(UUID(int=2**127 + 1)).encode()).decode()

keys = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
upload_ids = st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True).filter(
    lambda text: not text.isdigit()
)


def test_an_upload_id_is_48_characters_that_no_part_number_can_be() -> None:
    made = {layout.new_upload_id() for _ in range(100)}
    assert len(made) == 100
    for upload_id in made:
        assert len(upload_id) == 48
        assert layout.is_upload_id(upload_id)
        assert not layout.is_s3api_upload_id(upload_id)


@pytest.mark.parametrize(
    "text", ["", "1", "1" * 48, "a/b", "a b", "a=", "é", "a\n", "a" * 129, "²", "\u0661"]
)
def test_what_could_be_a_part_or_a_path_is_no_upload_id(text: str) -> None:
    assert not layout.is_upload_id(text)
    assert not layout.is_s3api_upload_id(text)


def test_s3apis_upload_ids_are_known() -> None:
    assert len(S3API_ID) == 48
    assert layout.is_upload_id(S3API_ID)
    assert layout.is_s3api_upload_id(S3API_ID)
    assert not layout.is_s3api_upload_id(ID)
    assert not layout.is_s3api_upload_id(S3API_ID[:-4])


@given(keys, upload_ids)
@example("a/123", ID)
@example(f"a/{ID}", ID)
@example(f"a/{ID}/1", ID)
@example("/", ID)
@example("dir/", ID)
@example("1", ID)
def test_a_marker_tells_its_upload(key: str, upload_id: str) -> None:
    assert layout.parse_marker_name(layout.marker_name(key, upload_id)) == (key, upload_id)


@given(keys, upload_ids, st.integers(0, 99_999))
@example("a/123", ID, 30_000)
@example(f"a/{ID}", ID, 1)
def test_what_stands_with_the_parts_is_no_marker(key: str, upload_id: str, number: int) -> None:
    name = layout.part_name(key, upload_id, number)
    assert layout.parse_marker_name(name) is None
    assert name.startswith(layout.part_prefix(key, upload_id))
    assert layout.is_part_of(name, key, upload_id)
    assert layout.upload_of_segment(f"/b+segments/{name}", "b") == (key, upload_id)
    assert layout.upload_of_segment(f"/c+segments/{name}", "b") is None
    assert layout.upload_of_segment(f"/b/{name}", "b") is None


@pytest.mark.parametrize("name", ["", "a", f"/{ID}", f"{ID}", "a/", "a/1", "a/b c", "a/é"])
def test_other_names_are_no_markers(name: str) -> None:
    assert layout.parse_marker_name(name) is None


@pytest.mark.parametrize(
    "path",
    [
        "/b+segments/k",
        f"/b+segments/k/{ID}",
        f"/b+segments/k/{ID}/x",
        f"/b+segments/{ID}/1",
        f"/b+segments/k/{'1' * 48}/1",
        f"b+segments/k/{ID}/1",
        "/b_segments/k/1",
        "",
    ],
)
def test_a_segment_of_others_tells_no_upload(path: str) -> None:
    assert layout.upload_of_segment(path, "b") is None


@pytest.mark.parametrize(
    "name", [f"a/{ID}", f"a/{ID}/", f"a/{ID}/x", f"a/{ID}/1/2", f"b/{ID}/1", f"a/{ID}/1/{ID}"]
)
def test_another_upload_below_the_same_name_is_no_part(name: str) -> None:
    assert not layout.is_part_of(name, "a", ID)


@given(st.integers(1, layout.MAX_PARTS))
def test_a_part_number_is_read_back(number: int) -> None:
    assert layout.parse_part_number(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "00000",
        "10001",
        "20000",
        "30000",
        "000001",
        "-1",
        "+1",
        " 1",
        "1.0",
        "x",
        "²",
        "\u0661",
    ],
)
def test_no_other_text_is_a_part_number(text: str) -> None:
    assert layout.parse_part_number(text) is None


def test_what_is_beside_the_parts_has_numbers_that_no_part_has() -> None:
    for name in (
        layout.submanifest_name("k", ID, 0),
        layout.submanifest_name("k", ID, 9999),
        layout.aborting_name("k", ID),
    ):
        number = name.rpartition("/")[2]
        assert number.isdigit()  # s3api reads it as a number
        assert layout.parse_part_number(number) is None
    assert layout.submanifest_name("k", ID, 9999) != layout.aborting_name("k", ID)


@pytest.mark.parametrize("number", [layout.MAX_PARTS, 29_999, 30_000])
def test_the_longest_key_of_an_upload_leaves_room_for_every_name(number: int) -> None:
    key = "k" * (layout.NAME_LIMIT - layout.UPLOAD_OVERHEAD)
    assert len(key) == 969
    assert layout.is_name(layout.part_name(key, layout.new_upload_id(), number))
    assert not layout.is_name(layout.part_name(key + "k", layout.new_upload_id(), number))


@pytest.mark.parametrize(
    ("text", "possible"),
    [("", True), ("k" * 1024, True), ("k" * 1025, False), ("é" * 513, False), ("a\x00", False)],
)
def test_a_name_has_at_most_1024_bytes_and_no_nul(text: str, possible: bool) -> None:  # noqa: FBT001 - a table
    assert layout.is_name(text) is possible


@pytest.mark.parametrize("name", ["b+segments", "+segments", ".s3gw", ".", ".b"])
def test_containers_of_the_gateway_are_no_buckets(name: str) -> None:
    assert layout.is_reserved(name)


@pytest.mark.parametrize("name", ["b", "b_segments", "b+segments2", "Segments", "b.c"])
def test_other_containers_are_buckets(name: str) -> None:
    assert not layout.is_reserved(name)
    assert layout.is_reserved(layout.segments_container(name))


@given(st.binary(max_size=50))
def test_a_documents_id_tells_its_content_and_is_used_once(content: bytes) -> None:
    one, other = layout.new_document_id(content), layout.new_document_id(content)
    assert one != other
    assert layout.is_document(content, one)
    assert not layout.is_document(content + b"x", one)
    assert "/" not in one


@pytest.mark.parametrize("document_id", ["", "a" * 64, f"{'a' * 64}-{'b' * 15}", "x/y"])
def test_what_is_no_documents_id_has_no_content(document_id: str) -> None:
    assert not layout.is_document(b"", document_id)


def test_documents_are_named_by_headers_of_their_own() -> None:
    headers = {layout.document_header(layout.Document.ACL): "1", "X-Container-Read": ".r:*"}
    assert layout.document_header(layout.Document.ACL) == "X-Container-Meta-S3gw-Doc-Acl"
    assert (
        layout.no_document_header(layout.Document.TAGGING)
        == "X-Remove-Container-Meta-S3gw-Doc-Tagging"
    )
    assert layout.document_ids(headers) == {layout.Document.ACL: "1"}
    assert layout.document_ids({}) == {}


def test_a_buckets_documents_are_no_other_buckets() -> None:
    prefix = layout.documents_prefix("b")
    name = layout.document_name("b", layout.Document.ACL, "1")
    assert name == "b/acl/1"
    assert name.startswith(prefix)
    assert not layout.document_name("b-2", layout.Document.ACL, "1").startswith(prefix)
    assert layout.public_document_name("b", layout.CORS) == "b/cors"


@pytest.mark.parametrize("bucket", ["b", "b.c", "b+segments", "é"])
def test_a_segments_container_tells_its_bucket(bucket: str) -> None:
    assert layout.bucket_of(layout.segments_container(bucket)) == bucket


@pytest.mark.parametrize("name", ["b", "", "+segments", "b+segments2", "b_segments"])
def test_no_other_container_has_a_bucket(name: str) -> None:
    assert layout.bucket_of(name) is None


@pytest.mark.parametrize("number", [1, 10_000, 20_000, 29_999, 30_000])
def test_what_is_kept_with_the_parts_tells_its_number(number: int) -> None:
    assert layout.number_of(layout.part_name("k", ID, number)) == number
    assert layout.is_submanifest(number) == (20_000 <= number < 30_000)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "007", "30001", "9" * 5000, "x", "²", "\u0661", "1 "]
)
def test_no_other_text_is_the_number_of_something_kept(text: str) -> None:
    assert layout.number_of(f"k/{ID}/{text}") == -1
