"""Cross-origin rules: what a browser may do on behalf of a page of another origin.

The rule: the first rule that matches decides.  A request that none matches is served all the
same (only a preflight is refused), but without headers, so that the browser keeps the answer from
the page.  https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from s3gw.s3.browser_errors import AccessForbidden
from s3gw.s3.errors import BadRequest, InvalidRequest, MalformedXML
from s3gw.s3.request import Headers
from s3gw.s3.xml import Element, Node, parse

MOST_BYTES = 64 * 1024
"""Of a configuration, as on AWS."""
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
"""What a rule may allow."""

_MOST_RULES = 100
_LONGEST_ID = 255
_SECONDS = re.compile(r"[0-9]{1,10}")
_MOST_SECONDS = 2**31 - 1
_MEMBERS = frozenset(
    ("ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds")
)
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: patterns have at most one `*`, which stands for any text, also none."""

    id: str | None = None
    origins: tuple[str, ...]
    """Patterns, with regard to case."""
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    """Patterns of the headers that a preflight may ask for, without regard to case."""
    exposed: tuple[str, ...] = ()
    """Names of the answer's headers that the page may see."""
    max_age: int | None = None
    """Seconds for which the browser may remember a preflight."""


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """What a request says of where it comes from and, if it is a preflight, of what will follow."""

    origin: str
    method: str
    """A method that the browser names comes before the request's own, as on AWS."""
    headers: tuple[str, ...] = ()
    """Lower-case names, in the order in which they were asked for."""

    def headers_by(self, rules: Iterable[Rule]) -> list[tuple[str, str]] | None:
        """The answer's headers by the first of the rules that matches, None if none does."""
        for rule in rules:
            if self._matches(rule):
                return self._granted(rule)
        return None

    def _matches(self, rule: Rule) -> bool:
        return (
            self.method in rule.methods
            and any(_fits(pattern, self.origin) for pattern in rule.origins)
            and all(
                any(_fits(pattern.lower(), name) for pattern in rule.headers)
                for name in self.headers
            )
        )

    def _granted(self, rule: Rule) -> list[tuple[str, str]]:
        is_anybody = "*" in rule.origins
        found = [
            ("Access-Control-Allow-Origin", "*" if is_anybody else self.origin),
            ("Access-Control-Allow-Methods", ", ".join(rule.methods)),
        ]
        if self.headers:
            found.append(("Access-Control-Allow-Headers", ", ".join(self.headers)))
        if rule.exposed:
            found.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed)))
        if rule.max_age is not None:
            found.append(("Access-Control-Max-Age", str(rule.max_age)))
        if not is_anybody:
            found.append(("Access-Control-Allow-Credentials", "true"))
        return [*found, ("Vary", _VARY)]


def read_cross_origin(method: str, headers: Headers) -> CrossOrigin | None:
    """What a request says of its origin; None if it names none, so that all this is not about it.

    Preflights go through `read_preflight`.
    """
    origin = headers.get("origin")
    if not origin:
        return None
    named = headers.get("access-control-request-method")
    return CrossOrigin(origin, method if named is None else named, _requested(headers))


def read_preflight(headers: Headers) -> CrossOrigin:
    """What a preflight asks for; raises BadRequest if it does not say where it comes from."""
    asked = read_cross_origin("OPTIONS", headers)
    if asked is None:
        raise BadRequest("Insufficient information. Origin request header needed.")
    return asked


def answer_preflight(
    asked: CrossOrigin, rules: Sequence[Rule], *, has_key: bool, is_known: bool
) -> list[tuple[str, str]]:
    """The headers of a preflight's answer; `has_key`: it is about an object of the bucket.

    `is_known`: whether there may be such a bucket.  Raises AccessForbidden, BadRequest (it asks
    for no method of S3's; AWS first says that there are no rules).
    """
    if not rules:
        why = "CORS is not enabled for this bucket." if is_known else "Bucket not found"
        raise AccessForbidden(f"CORSResponse: {why}", Method=asked.method, ResourceType="BUCKET")
    if asked.method not in METHODS:
        named = "null" if asked.method == "OPTIONS" else asked.method
        raise BadRequest(f"Invalid Access-Control-Request-Method: {named}")
    found = asked.headers_by(rules)
    if found is None:
        scope = "OBJECT" if has_key else "BUCKET"
        raise AccessForbidden(Method=asked.method, ResourceType=scope)
    return found


def _requested(headers: Headers) -> tuple[str, ...]:
    text = headers.get("access-control-request-headers") or ""
    names = (name.strip().lower() for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _fits(pattern: str, text: str) -> bool:
    head, star, tail = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


# --- the document ---


def parse_cors_configuration(body: bytes) -> tuple[Rule, ...]:
    """The rules of a PutBucketCors: 1 to 100.

    Raises MalformedXML, InvalidRequest.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html
    """
    root = parse(body)
    nodes = root.children
    if root.tag != "CORSConfiguration" or any(node.tag != "CORSRule" for node in nodes):
        raise MalformedXML
    if not 1 <= len(nodes) <= _MOST_RULES:
        raise MalformedXML
    rules = tuple(_rule(node) for node in nodes)
    for rule in rules:
        _check(rule)
    return rules


def _rule(node: Node) -> Rule:
    if not all(child.tag in _MEMBERS and not child.children for child in node.children):
        raise MalformedXML
    name = node.leaf("ID")
    rule = Rule(
        id=name,
        origins=_texts(node, "AllowedOrigin"),
        methods=_texts(node, "AllowedMethod"),
        headers=_texts(node, "AllowedHeader"),
        exposed=_texts(node, "ExposeHeader"),
        max_age=_max_age(node.leaf("MaxAgeSeconds")),
    )
    if not rule.origins or not rule.methods or len(name or "") > _LONGEST_ID:
        raise MalformedXML
    return rule


def _texts(node: Node, tag: str) -> tuple[str, ...]:
    return tuple(child.text.strip() for child in node.all(tag))


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not _SECONDS.fullmatch(text.strip()) or int(text) > _MOST_SECONDS:
        raise MalformedXML
    return int(text)


def _check(rule: Rule) -> None:
    """Raise InvalidRequest for what a rule cannot allow; the texts are AWS's."""
    for method in rule.methods:
        if method not in METHODS:
            raise InvalidRequest(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )
    for tag, patterns in (("AllowedOrigin", rule.origins), ("AllowedHeader", rule.headers)):
        for pattern in patterns:
            if pattern.count("*") > 1:
                raise InvalidRequest(f'{tag} "{pattern}" can not have more than one wildcard.')
    for name in rule.exposed:
        if "*" in name:
            raise InvalidRequest(
                f'ExposeHeader "{name}" contains wildcard. '
                "We currently do not support wildcard for ExposeHeader."
            )


def cors_configuration(rules: Iterable[Rule]) -> Element:
    """GetBucketCors. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html."""
    return ("CORSConfiguration", [("CORSRule", _members(rule)) for rule in rules])


def _members(rule: Rule) -> list[Element | None]:
    return [
        None if rule.id is None else ("ID", rule.id),
        *(("AllowedMethod", method) for method in rule.methods),
        *(("AllowedOrigin", origin) for origin in rule.origins),
        *(("AllowedHeader", name) for name in rule.headers),
        None if rule.max_age is None else ("MaxAgeSeconds", rule.max_age),
        *(("ExposeHeader", name) for name in rule.exposed),
    ]
