"""Cross-origin rules: which one matches, what it grants, and what is no rule."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.browser_errors import AccessForbidden
from s3gw.s3.cors import (
    METHODS,
    CrossOrigin,
    Rule,
    answer_preflight,
    cors_configuration,
    parse_cors_configuration,
    read_cross_origin,
    read_preflight,
)
from s3gw.s3.errors import BadRequest, InvalidRequest, MalformedXML
from s3gw.s3.request import Headers
from s3gw.s3.xml import render

VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def asking(method: str = "GET", **headers: str) -> CrossOrigin:
    found = read_cross_origin(method, named(**headers))
    assert found is not None
    return found


def named(**headers: str) -> Headers:
    return Headers((name.replace("_", "-"), value) for name, value in headers.items())


class TestMatching:
    """The answers are those recorded from AWS, or asserted by Ceph's S3 tests."""

    @pytest.mark.parametrize(
        ("pattern", "origin", "matches"),
        [
            ("*suffix", "foo.suffix", True),
            ("*suffix", "foo.suffix.get", False),
            ("start*end", "startend", True),
            ("start*end", "start12end", True),
            ("start*end", "0start12end", False),
            ("prefix*", "prefix", True),
            ("prefix*", "prefix.suffix", True),
            ("prefix*", "bla.prefix", False),
            ("ab*ba", "aba", False),
            ("http://*.origin.com", "http://test.origin.com", True),
            ("http://*.origin.com", "http://test.origin.com/", False),
            ("https://a.example", "https://a.example", True),
            ("https://a.example", "https://A.example", False),
            ("https://a.example", "https://a.example:443", False),
            ("*", "null", True),
            ("", "x", False),
        ],
    )
    def test_a_pattern_holds_the_whole_origin(
        self, pattern: str, origin: str, *, matches: bool
    ) -> None:
        rule = Rule(origins=(pattern,), methods=("GET",))
        assert (asking(origin=origin).headers_by([rule]) is not None) is matches

    def test_the_first_rule_that_matches_decides(self) -> None:
        rules = [
            Rule(origins=("a*",), methods=("PUT",), max_age=1),
            Rule(origins=("b",), methods=("GET",), max_age=2),
            Rule(origins=("ab",), methods=("GET",), max_age=3),
            Rule(origins=("*",), methods=("GET",), max_age=4),
        ]
        found = asking(origin="ab").headers_by(rules)
        assert ("Access-Control-Max-Age", "3") in (found or [])

    def test_a_named_origin_is_echoed_and_may_send_credentials(self) -> None:
        rule = Rule(
            origins=("https://*.example",), methods=("GET", "PUT"), exposed=("ETag", "x-a"),
            max_age=3000, headers=("*",),
        )  # fmt: skip
        assert asking("PUT", origin="https://a.example").headers_by([rule]) == [
            ("Access-Control-Allow-Origin", "https://a.example"),
            ("Access-Control-Allow-Methods", "GET, PUT"),
            ("Access-Control-Expose-Headers", "ETag, x-a"),
            ("Access-Control-Max-Age", "3000"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Vary", VARY),
        ]

    @pytest.mark.parametrize("origins", [("*",), ("https://a.example", "*")])
    def test_a_rule_for_anybody_lets_nobody_send_credentials(
        self, origins: tuple[str, ...]
    ) -> None:
        rule = Rule(origins=origins, methods=("GET",))
        assert asking(origin="https://a.example").headers_by([rule]) == [
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", "GET"),
            ("Vary", VARY),
        ]

    def test_the_method_that_the_browser_names_decides(self) -> None:
        rule = Rule(origins=("*",), methods=("GET",))
        put = asking("GET", origin="x", access_control_request_method="PUT")
        assert put.headers_by([rule]) is None
        get = asking("PUT", origin="x", access_control_request_method="GET")
        assert get.headers_by([rule])

    def test_head_is_a_method_of_its_own(self) -> None:
        assert (
            asking("HEAD", origin="x").headers_by([Rule(origins=("*",), methods=("GET",))]) is None
        )

    @pytest.mark.parametrize(
        ("allowed", "asked", "answer"),
        [
            (("*",), "X-A,x-b", "x-a, x-b"),
            (("X-Amz-*",), "x-amz-ACL, , x-amz-date", "x-amz-acl, x-amz-date"),
            (("x-a", "x-b"), " X-B ,x-b", "x-b"),
            (("x-a",), "x-a, x-b", None),
            ((), "x-a", None),
            ((), "", ""),
            ((), " , ", ""),
        ],
    )
    def test_every_header_asked_for_must_be_allowed(
        self, allowed: tuple[str, ...], asked: str, answer: str | None
    ) -> None:
        rule = Rule(origins=("*",), methods=("GET",), headers=allowed)
        found = asking(origin="x", access_control_request_headers=asked).headers_by([rule])
        if answer is None:
            assert found is None
        else:
            assert dict(found or []).get("Access-Control-Allow-Headers", "") == answer

    @pytest.mark.parametrize(
        "headers", [{}, {"origin": ""}, {"access_control_request_method": "GET"}]
    )
    def test_without_an_origin_it_is_no_cross_origin_request(self, headers: dict[str, str]) -> None:
        assert read_cross_origin("GET", named(**headers)) is None


class TestPreflight:
    """What a browser asks before it acts."""

    RULE = Rule(origins=("https://a.example",), methods=("GET",))

    def test_it_says_where_it_comes_from(self) -> None:
        with pytest.raises(BadRequest, match="Origin request header needed"):
            read_preflight(named(access_control_request_method="PUT"))

    @pytest.mark.parametrize(
        ("is_known", "why"),
        [(True, "CORS is not enabled for this bucket."), (False, "Bucket not found")],
    )
    @pytest.mark.parametrize(("method", "told"), [("PUT", "PUT"), (None, "OPTIONS")])
    def test_without_rules_it_is_refused_first_of_all(
        self,
        *,
        is_known: bool,
        why: str,
        method: str | None,
        told: str,
    ) -> None:
        more = {} if method is None else {"access_control_request_method": method}
        asked = read_preflight(named(origin="x", **more))
        with pytest.raises(AccessForbidden) as refused:
            answer_preflight(asked, [], has_key=True, is_known=is_known)
        assert refused.value.message == f"CORSResponse: {why}"
        assert refused.value.details == {"Method": told, "ResourceType": "BUCKET"}

    @pytest.mark.parametrize(
        ("method", "told"), [(None, "null"), ("get", "get"), ("PATCH", "PATCH"), ("", "")]
    )
    def test_it_asks_for_a_method_of_s3(self, method: str | None, told: str) -> None:
        more = {} if method is None else {"access_control_request_method": method}
        asked = read_preflight(named(origin="https://a.example", **more))
        with pytest.raises(BadRequest) as refused:
            answer_preflight(asked, [self.RULE], has_key=True, is_known=True)
        assert refused.value.message == f"Invalid Access-Control-Request-Method: {told}"

    @pytest.mark.parametrize(("has_key", "scope"), [(True, "OBJECT"), (False, "BUCKET")])
    @pytest.mark.parametrize(
        "more",
        [
            {"access_control_request_method": "PUT"},
            {"access_control_request_method": "GET", "access_control_request_headers": "x-a"},
        ],
    )
    def test_what_no_rule_allows_is_refused(
        self,
        *,
        has_key: bool,
        scope: str,
        more: dict[str, str],
    ) -> None:
        asked = read_preflight(named(origin="https://a.example", **more))
        with pytest.raises(AccessForbidden) as refused:
            answer_preflight(asked, [self.RULE], has_key=has_key, is_known=True)
        assert refused.value.status == 403
        assert "evalution of Origin, request method" in refused.value.message
        method = more["access_control_request_method"]
        assert refused.value.details == {"Method": method, "ResourceType": scope}


def document(*rules: str) -> bytes:
    return f"<CORSConfiguration>{''.join(rules)}</CORSConfiguration>".encode()


def rule(*members: str) -> str:
    return f"<CORSRule>{''.join(members)}</CORSRule>"


ORIGIN = "<AllowedOrigin>*</AllowedOrigin>"
GET = "<AllowedMethod>GET</AllowedMethod>"


class TestDocument:
    """The body of PutBucketCors."""

    def test_all_members_are_read(self) -> None:
        body = document(
            rule(
                "<ID>one</ID>", ORIGIN, "<AllowedOrigin>https://*.a</AllowedOrigin>", GET,
                "<AllowedMethod>HEAD</AllowedMethod>", "<AllowedHeader>X-Amz-*</AllowedHeader>",
                "<ExposeHeader>ETag</ExposeHeader>", "<MaxAgeSeconds>3000</MaxAgeSeconds>",
            ),
            rule("<AllowedOrigin></AllowedOrigin>", GET),
        )  # fmt: skip
        assert parse_cors_configuration(body) == (
            Rule(
                id="one",
                origins=("*", "https://*.a"),
                methods=("GET", "HEAD"),
                headers=("X-Amz-*",),
                exposed=("ETag",),
                max_age=3000,
            ),
            Rule(origins=("",), methods=("GET",)),
        )

    @pytest.mark.parametrize("count", [1, 100])
    def test_up_to_a_hundred_rules(self, count: int) -> None:
        assert len(parse_cors_configuration(document(*[rule(ORIGIN, GET)] * count))) == count

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not xml",
            b"<Other/>",
            document(),
            document(*[rule(ORIGIN, GET)] * 101),
            document(rule()),
            document(rule(ORIGIN)),
            document(rule(GET)),
            document(rule(ORIGIN, GET), "<Rule/>"),
            document(rule(ORIGIN, GET, "<AllowedTomorrow>x</AllowedTomorrow>")),
            document(rule(ORIGIN, GET, "<ID>1</ID><ID>2</ID>")),
            document(rule(ORIGIN, GET, f"<ID>{'x' * 256}</ID>")),
            document(rule(ORIGIN, "<AllowedMethod><b/>GET</AllowedMethod>")),
            *(
                document(rule(ORIGIN, GET, f"<MaxAgeSeconds>{age}</MaxAgeSeconds>"))
                for age in ("", "x", "-1", "1.5", "2147483648", "9" * 30)
            ),
        ],
    )
    def test_what_is_no_configuration_is_malformed(self, body: bytes) -> None:
        with pytest.raises(MalformedXML):
            parse_cors_configuration(body)

    @pytest.mark.parametrize(
        ("members", "message"),
        [
            (
                (ORIGIN, "<AllowedMethod>MYMETHOD</AllowedMethod>"),
                "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD",
            ),
            (
                (ORIGIN, "<AllowedMethod>OPTIONS</AllowedMethod>"),
                "Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS",
            ),
            (
                (ORIGIN, "<AllowedMethod/>"),
                "Found unsupported HTTP method in CORS config. Unsupported method is ",
            ),
            (
                ("<AllowedOrigin>*example*.com</AllowedOrigin>", GET),
                'AllowedOrigin "*example*.com" can not have more than one wildcard.',
            ),
            (
                (ORIGIN, GET, "<AllowedHeader>*-*</AllowedHeader>"),
                'AllowedHeader "*-*" can not have more than one wildcard.',
            ),
            (
                (ORIGIN, GET, "<ExposeHeader>*</ExposeHeader>"),
                (
                    'ExposeHeader "*" contains wildcard. '
                    "We currently do not support wildcard for ExposeHeader."
                ),
            ),
        ],
    )
    def test_what_no_rule_can_allow_is_named(self, members: tuple[str, ...], message: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            parse_cors_configuration(document(rule(*members)))
        assert refused.value.message == message


_texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=12)
_plain = _texts.map(lambda text: text.replace("*", ""))
_patterns = st.lists(
    st.one_of(_plain, st.tuples(_plain, _plain).map("*".join)), min_size=1, max_size=3
).map(tuple)
_rules = st.builds(
    Rule,
    id=st.none() | _texts,
    origins=_patterns,
    methods=st.lists(st.sampled_from(METHODS), min_size=1, max_size=5).map(tuple),
    headers=_patterns | st.just(()),
    exposed=st.lists(_plain, max_size=3).map(tuple),
    max_age=st.none() | st.integers(0, 2**31 - 1),
)


@given(st.lists(_rules, min_size=1, max_size=5))
def test_what_is_rendered_is_read_back(rules: list[Rule]) -> None:
    assert parse_cors_configuration(render(cors_configuration(rules))) == tuple(rules)


@given(st.binary(max_size=200))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    with suppress(MalformedXML, InvalidRequest):
        parse_cors_configuration(body)


@given(_texts, _texts, _texts)
def test_a_wildcard_stands_for_anything(head: str, middle: str, tail: str) -> None:
    head, tail = head.replace("*", ""), tail.replace("*", "")
    granting = Rule(origins=(f"{head}*{tail}",), methods=("GET",))
    origin = head + middle + tail
    if origin:
        assert CrossOrigin(origin, "GET").headers_by([granting])
