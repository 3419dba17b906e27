"""What the fields of a form say of the object, and of how success is told."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.errors import InvalidArgument, MalformedXML, NotImplemented
from s3gw.s3.form_fields import expanded, headers_of, key_of, redirect_to, success_of


def test_the_files_name_stands_for_its_variable_in_all_but_the_policy() -> None:
    fields = {
        "key": "a/${filename}/${filename}",
        "policy": "${filename}",
        "x-amz-meta-a": "${filename}",
    }
    assert expanded(fields, "f") == {"key": "a/f/f", "policy": "${filename}", "x-amz-meta-a": "f"}
    assert expanded({"key": "${filename}"}, "${filename}") == {"key": "${filename}"}


def test_a_form_has_a_key() -> None:
    assert key_of({"key": "k"}) == "k"
    with pytest.raises(InvalidArgument) as refused:
        key_of({"acl": "private"})
    assert refused.value.details["ArgumentName"] == "key"
    assert refused.value.message == (
        "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
        "order of the fields."
    )
    with pytest.raises(InvalidArgument) as refused:
        key_of({"key": ""})
    assert refused.value.message == "User key must have a length greater than 0."


class TestHeaders:
    """What fields say of the object."""

    def test_they_are_those_of_a_put(self) -> None:
        tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>ü&amp;</Value></Tag></TagSet></Tagging>"
        found = headers_of(
            {
                "key": "k", "policy": "p", "x-amz-signature": "s", "x-amz-date": "d",
                "acl": "private", "content-type": "image/png", "cache-control": "", "tagging": tags,
                "x-amz-meta-a": "ü", "x-amz-checksum-crc32": "AAAAAA==",
                "success_action_status": "201",
                "host": "evil", "x-ignore-me": "1", "submit": "Upload", "awsaccesskeyid": "a",
                "if-none-match": "*", "content-length": "3", "authorization": "AWS a:b",
            }
        )  # fmt: skip
        assert list(found) == [
            ("x-amz-acl", "private"),
            ("content-type", "image/png"),
            ("x-amz-tagging", "a%20b=%C3%BC%26"),
            ("x-amz-meta-a", "Ã¼"),
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("if-none-match", "*"),
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

    @pytest.mark.parametrize(
        "name", ["x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"]
    )
    def test_the_file_has_no_coding(self, name: str) -> None:
        with pytest.raises(NotImplemented):
            headers_of({name: "1"})


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
        query = "a=b&bucket=bucket&key=a%20b%2F%C3%BC&etag=%22e%22"
        assert url == f"https://a.example/x?{query}#c"

    @given(st.text(), st.text(max_size=20))
    def test_whatever_the_key_the_page_gets_it_and_the_header_is_one(
        self, key: str, path: str
    ) -> None:
        page = f"https://a.example/{path}"
        if success_of({"redirect": page}) != (303, page):
            return
        url = redirect_to(page, "b", key, "e")
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
        stored = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        assert (stored["bucket"], stored["key"], stored["etag"]) == ("b", key, '"e"')
