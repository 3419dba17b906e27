"""Forms as they stream in: fields, file, and what is no form."""

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.browser_errors import MalformedPOSTRequest, MaxPostPreDataLengthExceeded
from s3gw.s3.errors import IncompleteBody, InvalidArgument, PreconditionFailed, S3Error
from s3gw.s3.form import MOST_BYTES, Form, boundary_of
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
    try:
        form, content = read(whole)
    except S3Error as error:
        status = error.status
    else:
        assert form.has_file
        assert len(content) <= len(whole)
        return
    assert status == 400


@pytest.mark.parametrize("end", range(len(WIRE) - 4))
def test_a_form_that_breaks_off_is_none(end: int) -> None:
    form = Form(BOUNDARY.encode())
    form.feed(WIRE[:end])
    with pytest.raises(IncompleteBody if form.has_file else MalformedPOSTRequest):
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


def test_but_not_without_end() -> None:
    form = Form(BOUNDARY.encode())
    form.feed(uploading([("key", "k")], b"1", behind=[("late", "1")])[:-4])
    for _ in range(52):
        assert not form.feed(bytes(20_000))
    with pytest.raises(MalformedPOSTRequest):
        form.feed(bytes(20_000))


def test_a_form_without_a_file_is_refused() -> None:
    form = Form(BOUNDARY.encode())
    form.feed(form_of(part("key", b"k")))
    with pytest.raises(InvalidArgument) as refused:
        form.finish()
    assert refused.value.message == "POST requires exactly one file upload per request."
    assert refused.value.details == {"ArgumentName": "file", "ArgumentValue": "0"}


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
    with pytest.raises(MaxPostPreDataLengthExceeded) as refused:
        read(uploading([("a", half), ("b", half), ("c", "x" * 30)], b""))
    assert refused.value.details == {"MaxPostPreDataLengthBytes": "20480"}


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\r\n" * 500] * 1000,
        [
            form_of(part(f"x{number}", b""), end=b"\r\n")[: -len(BOUNDARY) - 4]
            for number in range(1000)
        ],
    ],
    ids=["blank", "empty fields"],
)
def test_so_have_all_their_wrappings(pieces: list[bytes]) -> None:
    with pytest.raises(MaxPostPreDataLengthExceeded):
        read(*pieces)


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
