"""XML both ways: answers rendered from nested tuples, client bodies parsed under guard.

The rule: this is the only module that knows lxml.  lxml reads what clients send; it does not
write what we answer, because it refuses the control characters that S3 keys may hold.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from lxml import etree

from s3gw.s3.errors import MalformedXML

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Written(str):
    """XML as it goes out: elements that are rendered already, or the text of one, escaped."""

    __slots__ = ()


Content: TypeAlias = "str | int | Sequence[Element | Written | None] | None"

Element: TypeAlias = tuple[str, Content]
"""A tag and its content: text, a number, a truth, children, or None for an empty element.

A child that is None is left out.  The tag may carry attributes, written as in XML; tags are
ours and are not escaped, texts are.
"""


class _Slot(Written):
    """Content of a Pattern's element that another text takes the place of."""

    __slots__ = ()


SLOT = _Slot("%s")
QUOTED_SLOT = _Slot("&quot;%s&quot;")
"""In quotes, which are no text's own then: others are not escaped one by one for them."""

_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")

_BARE = frozenset(("Error", "PostResponse"))

_MOST_ELEMENTS = 200_000
"""More than any S3 document has: 10,000 parts with every checksum are 130,000 elements."""

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_DEEPEST = 32
"""Levels of elements; S3's documents have less than ten."""


def render(root: Element) -> bytes:
    """The document: declaration, S3 namespace, UTF-8; control characters become `&#xN;`.

    AWS writes those references although XML 1.0 forbids them; clients ask for
    `encoding-type=url` to avoid them.  An `Error` gets no namespace: botocore finds no code in
    an error that has one.  AWS's PostResponse has none either.
    """
    tag, content = root
    if tag not in _BARE:
        tag = f'{tag} xmlns="{NAMESPACE}"'
    pieces = [DECLARATION]
    _write((tag, content), pieces)
    return "".join(pieces).encode("utf-8", "xmlcharrefreplace")


class Pattern:
    """An element that a document has very often, each with other texts: written at a stroke.

    pattern = Pattern(("Contents", [("Key", SLOT), ("Size", SLOT), ("StorageClass", "STANDARD")]))
    pattern.written(keys, sizes)
    """

    def __init__(self, element: Element) -> None:
        pieces: list[str] = []
        _write(element, pieces)
        self._template = "".join(
            piece if isinstance(piece, _Slot) else piece.replace("%", "%%") for piece in pieces
        )

    def written(self, *columns: Sequence[str]) -> Written:
        """As many elements as a column has texts; a column for each slot, in their order."""
        rows = zip(*map(_all_escaped, columns), strict=True)
        return Written("".join([self._template % row for row in rows]))


def _write(element: Element, pieces: list[str]) -> None:
    tag, content = element
    end = tag.partition(" ")[0]
    if content is None:
        pieces.append(f"<{tag}/>")
    elif isinstance(content, Written):
        pieces += (f"<{tag}>", content, f"</{end}>")
    elif isinstance(content, str):
        pieces.append(f"<{tag}>{_escaped(content)}</{end}>")
    elif isinstance(content, int):
        pieces.append(f"<{tag}>{str(content).lower()}</{end}>")  # clients know only `true`
    else:
        pieces.append(f"<{tag}>")
        for child in content:
            if isinstance(child, Written):
                pieces.append(child)
            elif child is not None:
                _write(child, pieces)
        pieces.append(f"</{end}>")


def _all_escaped(texts: Sequence[str]) -> Sequence[str]:
    # Mostly there is nothing to escape, which is seen of all at once in a tenth of the time.
    whole = "".join(texts)
    return texts if _escaped(whole) == whole else [_escaped(text) for text in texts]


def _escaped(text: str) -> str:
    # Four replaces cost a third of one substitution, and a listing has thousands of texts.
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace('"', "&quot;")
    return text if text.isprintable() else _UNSPEAKABLE.sub(_numbered, text)


def _numbered(match: re.Match[str]) -> str:
    return f"&#x{ord(match[0]):X};"


@dataclass(frozen=True, slots=True)
class Node:
    """An element a client sent: its name without namespace, its own text, its children."""

    tag: str
    text: str
    children: tuple["Node", ...]
    type: str = ""
    """The value of its xsi:type, the one attribute that S3 knows."""

    def all(self, tag: str) -> list["Node"]:
        """The children of that name, in order."""
        return [child for child in self.children if child.tag == tag]

    def leaf(self, tag: str) -> str | None:
        """The text of the only child of that name, as it stands; None if there is none.

        Raises MalformedXML if there are several, or if it holds elements.
        """
        found = self.all(tag)
        if not found:
            return None
        if len(found) > 1 or found[0].children:
            raise MalformedXML
        return found[0].text


def parse(body: bytes) -> Node:
    """The root of a client's document; raises MalformedXML for anything but plain XML.

    No document type, hence no entities of its own; nothing is fetched.  The size of the body
    is the caller's to limit.
    """
    parser = etree.XMLParser(
        target=cast("Any", _Builder()),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        parser.feed(body)
        roots = cast("list[Node]", parser.close())
    except etree.LxmlError as error:
        raise MalformedXML from error
    return roots[0]


class _Builder:
    """Builds Nodes from the parser's events; comments and processing instructions go unseen."""

    def __init__(self) -> None:
        self._open: list[tuple[str, list[str], list[Node], str]] = [("", [], [], "")]
        self._elements = 0

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise MalformedXML

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS or len(self._open) > _DEEPEST:
            raise MalformedXML
        kind = attributes.get(_TYPE, "") if attributes else ""
        self._open.append((tag.rpartition("}")[2], [], [], kind))

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, _tag: str) -> None:
        tag, texts, children, kind = self._open.pop()
        self._open[-1][2].append(Node(tag, "".join(texts), tuple(children), kind))

    def close(self) -> list[Node]:
        # Also called after a failure, which it must not replace by one of its own.
        return self._open[0][2]
