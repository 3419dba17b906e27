"""What we render can be read, and what we must not read is refused."""

import re
import time

import pytest
from hypothesis import given, strategies as st
from lxml import etree

from s3gw.s3.errors import MalformedXML
from s3gw.s3.xml import (
    DECLARATION,
    NAMESPACE,
    QUOTED_SLOT,
    SLOT,
    Node,
    Pattern,
    Written,
    parse,
    render,
)

XML_CHARACTERS = st.characters(
    exclude_categories=["Cs"], exclude_characters=[*map(chr, range(0x20)), "\ufffe", "\uffff"]
) | st.sampled_from("\t\n\r<>&\"']")
TEXTS = st.text(XML_CHARACTERS)


@given(TEXTS)
def test_any_text_that_xml_can_hold_comes_back(text: str) -> None:
    assert parse(render(("Root", [("Key", text)]))).leaf("Key") == text


@given(st.text())
def test_every_text_renders_to_utf8_whose_markup_is_ours(text: str) -> None:
    body = render(("Root", [("Key", text)])).decode("utf-8")
    content = body[body.index("<Key>") + 5 : body.index("</Key>")]
    assert not re.search('[<>"\x00-\x1f\x7f\ufffe\uffff]', content)
    references = re.compile("&(?:#x([0-9A-F]+)|#([0-9]+)|(amp|lt|gt|quot));")
    named = {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}

    def character(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return chr(int(match[2])) if match[2] else named[match[3]]

    assert references.sub(character, content) == text


def test_a_document_is_declaration_namespace_and_content() -> None:
    body = render(("R", [("A", "x"), None, ("B", None), ("C", ""), ("D", 7), ("E", [("F", "")])]))
    assert body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<R xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<A>x</A><B/><C></C><D>7</D><E><F></F></E></R>"
    )


def test_truths_are_lower_case() -> None:
    body = render(("R", [("Yes", True), ("No", False)]))
    assert body.endswith(b"<Yes>true</Yes><No>false</No></R>")


def test_an_error_has_no_namespace_and_everything_else_has() -> None:
    assert render(("Error", [])) == (DECLARATION + "<Error></Error>").encode()
    assert render(("DeleteResult", [("Error", [])])).count(b"xmlns") == 1
    assert etree.QName(etree.XML(render(("Delete", None)))).namespace == NAMESPACE


def test_control_characters_become_numbered_references() -> None:
    assert b"<Key>a&#x1;b&#xD;c&#xA;d&#x7F;</Key>" in render(("R", [("Key", "a\x01b\rc\nd\x7f")]))


def test_a_tag_may_carry_attributes() -> None:
    assert render(("R", [('G a="1"', [("H", "")])])).endswith(b'<G a="1"><H></H></G></R>')


def test_a_pattern_writes_its_element_with_the_texts_of_each_row() -> None:
    constant = [("O", '%s 100% <"'), None, ("N", 7)]
    pattern = Pattern(("E", [("K", SLOT), ("T", QUOTED_SLOT), *constant]))
    written = pattern.written(["<", "a%s"], ['"\x01', ""])
    assert render(("R", [("A", ""), written])) == render(
        (
            "R",
            [
                ("A", ""),
                ("E", [("K", "<"), ("T", '""\x01"'), *constant]),
                ("E", [("K", "a%s"), ("T", '""'), *constant]),
            ],
        )
    )
    assert not pattern.written([], [])


def test_columns_of_a_pattern_have_one_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Pattern(("E", [("K", SLOT), ("T", SLOT)])).written(["a", "b"], ["c"])


def test_what_is_written_goes_out_as_it_stands() -> None:
    body = render(("R", [("K", Written("&lt;")), Written("<X/>")]))
    assert body.endswith(b"<K>&lt;</K><X/></R>")


def test_namespaces_comments_and_instructions_are_not_seen() -> None:
    body = b'<?pi?><x:A xmlns:x="u"><!-- c --><B xmlns="v">t<![CDATA[<&]]>u</B></x:A>'
    assert parse(body) == Node("A", "", (Node("B", "t<&u", ()),))


def test_a_document_in_utf16_is_read() -> None:
    assert parse('<?xml version="1.0" encoding="UTF-16"?><A>é</A>'.encode("utf-16")).text == "é"


def test_referenced_carriage_returns_are_kept() -> None:
    assert parse(b"<A><K>a&#13;b&#xA;</K></A>").leaf("K") == "a\rb\n"


def test_a_leaf_is_none_only_when_absent() -> None:
    root = parse(b"<A><B/><C> x </C></A>")
    assert (root.leaf("B"), root.leaf("C"), root.leaf("D")) == ("", " x ", None)


@pytest.mark.parametrize("body", [b"<A><B/><B/></A>", b"<A><B><C/></B></A>"])
def test_a_leaf_that_is_repeated_or_no_leaf_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse(body).leaf("B")


BOMB = (
    b'<!DOCTYPE l [<!ENTITY a0 "lol">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b']><l x="&a11;">&a11;</l>'
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"text",
        b"<A>",
        b"<A><B></A>",
        b"<A/><A/>",
        b"\n<?xml version='1.0'?><A/>",
        b"<A>\xff</A>",
        b"<A>&#x1;</A>",
        b"<A>\x00</A>",
        b"<A>&undefined;</A>",
        b"<A b='1' b='2'/>",
        b"<?xml version='1.0' encoding='nonsense'?><A/>",
        b"<!DOCTYPE A><A/>",
        b'<!DOCTYPE A SYSTEM "http://localhost:9/a.dtd"><A/>',
        b'<!DOCTYPE A [<!ENTITY e SYSTEM "file:///etc/hostname">]><A>&e;</A>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE A><A/>'.encode("utf-16"),
        b"<A>" * 33 + b"</A>" * 33,
        b"<A>" + b"<B/>" * 200_001 + b"</A>",
        BOMB,
    ],
    ids=lambda body: repr(body[:60]),
)
def test_whatever_is_not_plain_xml_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse(body)


def test_thirty_two_levels_are_the_deepest() -> None:
    assert parse(b"<A>" * 32 + b"</A>" * 32).tag == "A"


def test_an_entity_bomb_is_not_even_unfolded() -> None:
    begin = time.process_time()
    with pytest.raises(MalformedXML):
        parse(BOMB)
    assert time.process_time() - begin < 0.5


@given(st.binary() | st.text().map(lambda text: f"<A>{text}</A>".encode("utf-8", "ignore")))
def test_no_body_raises_anything_but_malformed(body: bytes) -> None:
    try:
        root = parse(body)
    except MalformedXML:
        return
    assert root.tag
