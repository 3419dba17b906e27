"""Forms as they stream in: fields, file, and what is no form."""

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.browser_errors import (
    IncorrectNumberOfFilesInPostRequest,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceededError,
)
from s3gw.s3.errors import InvalidArgument, MalformedXML, PreconditionFailed, S3Error
from s3gw.s3.form import (
    MOST_BYTES,
    Form,
    boundary_of,
    expanded,
    headers_of,
    redirect_to,
    success_of,
)
from tests.unit.s3.forms import BOUNDARY, CONTENT_TYPE, form_of, part, uploading


def read(*pieces: bytes) -> tuple[Form, bytes]:
    """A form that has come whole, and its file."""
    form = Form(BOUNDARY.encode())
    found = [data for piece in pieces for data in form.feed(piece)]
    form.finish()
    return form, b"".join(found)


# What looks like the boundary, and is content.
NASTY = f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n\r\n--{BOUNDARY}x\r\r\n-".encode()
WIRE = uploading([("Key", "a/${filename}"), ("x-amz-meta-é", "ü")], NASTY, behind=[("key", "late")])


@pytest.mark.parametrize("at", range(len(WIRE) + 1))
def test_a_form_cut_anywhere_is_the_same_form(at: int) -> None:
    form, content = read(WIRE[:at], WIRE[at:])
    assert dict(form.fields) == {"key": "a/${filename}", "x-amz-meta-é": "ü"}
    assert content == NASTY
    assert form.filename == "pic.jpg"


def test_a_form_that_comes_byte_by_byte_is_the_same_form() -> None:
    form, content = read(*(WIRE[at : at + 1] for at in range(len(WIRE))))
    assert (form.fields["key"], content) == ("a/${filename}", NASTY)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z-]{1,10}", fullmatch=True), st.text(max_size=30), max_size=5
    ),
    st.binary(max_size=200),
    st.lists(st.integers(1, 60), min_size=1, max_size=10),
)
def test_any_form_in_any_pieces_is_read_as_it_was_written(
    fields: dict[str, str], content: bytes, sizes: list[int]
) -> None:
    fields.pop("file", None)
    wire = uploading(fields.items(), content)
    pieces, at, turn = [], 0, 0
    while at < len(wire):
        pieces.append(wire[at : at + sizes[turn % len(sizes)]])
        at, turn = at + len(pieces[-1]), turn + 1
    form, found = read(*pieces)
    assert (dict(form.fields), found) == (fields, content)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_break_the_parser(body: bytes, at: int) -> None:
    whole = WIRE[:at] + body + WIRE[at:]
    form = Form(BOUNDARY.encode())
    try:
        for data in form.feed(whole):
            assert len(data) <= len(whole)
        form.finish()
    except S3Error as error:
        assert error.status == 400


@pytest.mark.parametrize("end", range(len(WIRE) - 4))
def test_a_form_that_breaks_off_is_none(end: int) -> None:
    form = Form(BOUNDARY.encode())
    form.feed(WIRE[:end])
    with pytest.raises(MalformedPOSTRequest):
        form.finish()


def test_the_file_is_not_kept() -> None:
    form = Form(BOUNDARY.encode())
    form.feed(form_of(part("key", b"k"), part("file", b"", "f"), end=b"")[: -len(BOUNDARY) - 4])
    for _ in range(100):
        assert sum(map(len, form.feed(bytes(10_000)))) > 9_900


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("pic.jpg", "pic.jpg"),
        ("C:\\\\dir\\\\pic.jpg", "pic.jpg"),
        ("/tmp/a b.jpg", "a b.jpg"),  # noqa: S108 - what a browser may send
        ("ü.jpg", "ü.jpg"),
        ("", ""),
    ],
)
def test_a_files_name_has_no_path(filename: str, name: str) -> None:
    form, _ = read(uploading([("key", "k")], b"x", filename))
    assert form.filename == name


def test_a_file_may_be_a_field_without_a_name() -> None:
    form, content = read(form_of(part("key", b"k"), part("FILE", b"text")))
    assert (content, form.filename) == (b"text", "")


def test_what_follows_the_file_is_passed_over() -> None:
    wire = form_of(
        part("key", b"k"), part("file", b"1", "f"), part("file", b"2", "g"), part("acl", b"x")
    )
    form, content = read(wire)
    assert (dict(form.fields), content, form.filename) == ({"key": "k"}, b"1", "f")


def test_a_form_without_a_file_is_refused() -> None:
    form = Form(BOUNDARY.encode())
    form.feed(form_of(part("key", b"k")))
    with pytest.raises(IncorrectNumberOfFilesInPostRequest):
        form.finish()


@pytest.mark.parametrize(
    "wire",
    [
        b"no form",
        form_of(part("key", b"k"), boundary="other"),
        form_of(b"\r\n\r\nno disposition"),
        form_of(b"Content-Disposition: attachment; name=x\r\n\r\n"),
        form_of(b"Content-Disposition: form-data\r\n\r\n"),
        form_of(b'Content-Disposition: form-data; name="\xff"\r\n\r\n'),
        form_of(part("key", b"\xff")),
        form_of(b"A: b\r\n" * 50 + part("key", b"k")),
    ],
)
def test_what_is_no_form_is_malformed(wire: bytes) -> None:
    with pytest.raises(MalformedPOSTRequest):
        Form(BOUNDARY.encode()).feed(wire)


def test_a_field_is_there_once() -> None:
    with pytest.raises(InvalidArgument) as refused:
        read(uploading([("key", "a"), ("Key", "b")], b""))
    assert refused.value.details["ArgumentName"] == "key"


def test_fields_have_a_limit_together() -> None:
    half = "x" * (MOST_BYTES // 2 - 10)
    read(uploading([("a", half), ("b", half)], b""))
    with pytest.raises(MaxPostPreDataLengthExceededError) as refused:
        read(uploading([("a", half), ("b", half), ("c", "x" * 30)], b""))
    assert refused.value.details == {"MaxPostPreDataLengthBytes": "20480"}


def test_so_have_all_their_wrappings() -> None:
    form = Form(BOUNDARY.encode())
    with pytest.raises(MaxPostPreDataLengthExceededError):
        for _ in range(1000):
            form.feed(b"\r\n" * 500)
    form = Form(BOUNDARY.encode())
    with pytest.raises(MaxPostPreDataLengthExceededError):
        for number in range(1000):
            form.feed(form_of(part(f"x{number}", b""), end=b"\r\n")[: -len(BOUNDARY) - 4])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (CONTENT_TYPE, BOUNDARY.encode()),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
    ],
)
def test_the_content_type_names_the_boundary(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize("kind", [None, "", "application/x-www-form-urlencoded", "text/plain"])
def test_another_enclosure_type_is_refused(kind: str | None) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        boundary_of(kind)
    wanted = "Bucket POST must be of the enclosure-type multipart/form-data"
    assert (refused.value.status, refused.value.details["Condition"]) == (412, wanted)


@pytest.mark.parametrize("more", ["", "; boundary=", f"; boundary={'x' * 71}"])
def test_a_form_has_a_boundary(more: str) -> None:
    with pytest.raises(MalformedPOSTRequest):
        boundary_of(f"multipart/form-data{more}")


def test_the_files_name_stands_for_its_variable_in_all_but_the_policy() -> None:
    fields = {
        "key": "a/${filename}/${filename}",
        "policy": "${filename}",
        "x-amz-meta-a": "${filename}",
    }
    assert expanded(fields, "f") == {"key": "a/f/f", "policy": "${filename}", "x-amz-meta-a": "f"}


class TestHeaders:
    """What fields say of the object."""

    def test_they_are_those_of_a_put(self) -> None:
        tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>ü&amp;</Value></Tag></TagSet></Tagging>"
        found = headers_of(
            {
                "key": "k", "policy": "p", "x-amz-signature": "s", "x-amz-date": "d",
                "acl": "private", "content-type": "image/png", "cache-control": "", "tagging": tags,
                "x-amz-meta-a": "ü", "x-amz-checksum-crc32": "AAAAAA==", "success_action_status": "201",
                "host": "evil", "x-ignore-me": "1", "submit": "Upload", "awsaccesskeyid": "a",
            }
        )  # fmt: skip
        assert list(found) == [
            ("x-amz-acl", "private"),
            ("content-type", "image/png"),
            ("x-amz-tagging", "a%20b=%C3%BC%26"),
            ("x-amz-meta-a", "Ã¼"),
            ("x-amz-checksum-crc32", "AAAAAA=="),
        ]

    @pytest.mark.parametrize(
        "fields", [{"content-type": "a\r\nX: y"}, {"x-amz-meta-a": "a\nb"}, {"x-amz-meta-a b": "c"}]
    )
    def test_nothing_else_gets_into_one(self, fields: dict[str, str]) -> None:
        with pytest.raises(InvalidArgument):
            headers_of(fields)

    def test_tags_are_a_document(self) -> None:
        with pytest.raises(MalformedXML):
            headers_of({"tagging": "a=b"})


class TestSuccess:
    """What the browser is told."""

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, (204, None)),
            ({"success_action_status": "200"}, (200, None)),
            ({"success_action_status": "201"}, (201, None)),
            ({"success_action_status": "204"}, (204, None)),
            ({"success_action_status": "500"}, (204, None)),
            ({"success_action_status": "x"}, (204, None)),
            ({"success_action_redirect": "https://a.example/x"}, (303, "https://a.example/x")),
            ({"redirect": "http://a.example"}, (303, "http://a.example")),
            (
                {"success_action_redirect": "/here", "success_action_status": "201"},
                (201, None),
            ),
            ({"success_action_redirect": "javascript:alert(1)"}, (204, None)),
            ({"success_action_redirect": "https://a.example/\r\nX: y"}, (204, None)),
            ({"success_action_redirect": "https://[x"}, (204, None)),
        ],
    )
    def test_it_is_what_the_form_wants(
        self, fields: dict[str, str], expected: tuple[int, str | None]
    ) -> None:
        assert success_of(fields) == expected

    def test_the_page_hears_what_was_stored(self) -> None:
        url = redirect_to("https://a.example/x?a=b#c", "bucket", "a b/ü", "e")
        query = "a=b&bucket=bucket&key=a%20b/%C3%BC&etag=%22e%22"
        assert url == f"https://a.example/x?{query}#c"
