"""XML by XPath, HTML by CSS selector or XPath; read without DTDs, entities, network or bottomless nesting. Pure.

What a query finds: of nodes the list of their texts, of an expression such as `count(//item)` its number, truth or
text. No node, no text and no number are nothing found. Queries in HTML are CSS selectors, and XPath where they begin
with `/`, `./`, `(` or a function's name; a selector may end in `@NAME`, which gives that attribute of every element.

Source: https://www.w3.org/TR/1999/REC-xpath-19991116/ (XPath 1.0, which libxml2 has), https://www.w3.org/TR/selectors-3/.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["xml", "html"]

MAX_LENGTH = 2000
"""Characters of a query."""

MAX_TEXT = 8_000_000
"""Characters that a query may find in all."""

_FUNCTIONS = (
    "boolean", "ceiling", "concat", "contains", "count", "false", "floor", "id", "lang", "last", "local-name", "name",
    "namespace-uri", "normalize-space", "not", "number", "position", "round", "starts-with", "string", "string-length",
    "substring", "substring-after", "substring-before", "sum", "translate", "true",
)  # fmt: skip
_BEFORE_BRACKETS = ("comment", "node", "processing-instruction", "text", "and", "or", "div", "mod")
_TEXTS = re.compile(r"\"[^\"]*\"|'[^']*'")
_CALL = re.compile(r"([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)\s*\(")
_PREFIX = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_*])")
_NUMBER = re.compile(r"(?<![\w.-])(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_SUM = re.compile(r"(?<![\w.-])sum\s*\(")
_LOOKS = re.compile(r"[\w*@/.]")
_IS_XPATH = re.compile(r"\s*(?:[/(]|\.\.?/|[a-z-]+\s*\()")
_WITH_ATTRIBUTE = re.compile(r"(.*[^@\s])@([A-Za-z_:][\w:.-]*)", re.DOTALL)
_DECLARES_CHARSET = re.compile(rb"<meta[^>]{0,200}charset", re.IGNORECASE)


def validate_query(query: str, kind: Kind, namespaces: Mapping[str, str], *path: str | int) -> None:
    """Refuse a query that could find nothing in any document.

    Args:
        query: What the plan says.
        kind: What it is for.
        namespaces: Prefixes it may use, each with its URI.
        path: Where it stands, from the struct that holds it, for the message.

    Raises:
        ExpectationError: It is none, calls a function or uses a prefix there is not, or looks at nothing.
    """
    name = "XPath expression" if kind == "xml" or _IS_XPATH.match(query) else "CSS selector"
    if not 0 < len(query) <= MAX_LENGTH:
        raise ExpectationError(f"a {name} has 1 to {MAX_LENGTH} characters, and this has {len(query)}", path)
    try:
        expression, _ = _expression(query, kind)
        wrong = _wrong(expression, kind, namespaces)
        if not wrong:
            _compiled(expression, namespaces)
    except _refused() as error:
        said = re.sub(r"<EOF at \d+>", "the end", " ".join(str(error).split())) or type(error).__name__
        such = "//item/title or count(//item)" if name.startswith("XPath") else "h1, div.price > b or a.next@href"
        raise ExpectationError(f"{truncate(query, 60)!r} is no {name}: {said}; write such as {such}", path) from error
    if wrong:
        raise ExpectationError(f"{truncate(query, 60)!r}: {wrong}", path)


def read(body: bytes, kind: Kind, charset: str | None) -> Any:
    """Parse a document; `charset` is what its Content-Type says.

    Raises:
        ValueError: It is none, or has what is never read; says why.
    """
    from lxml import etree

    if kind == "html" and charset is None and not _DECLARES_CHARSET.search(body[:1024]):
        charset = "utf-8"
    if charset is not None:
        try:
            body.decode(charset)  # the parsers would put something in the place of what cannot be read
        except UnicodeDecodeError as error:
            raise ValueError(f"the body is no text in {charset}") from error
    try:
        if kind == "html":
            parser = etree.HTMLParser(encoding=charset, no_network=True, huge_tree=False)
            root = etree.fromstring(body, parser)
            if root is None or any(entry.level >= etree.ErrorLevels.FATAL for entry in parser.error_log):
                raise ValueError("the body is no HTML that can be read whole")
            return root.getroottree()
        safe = etree.XMLParser(
            encoding=charset, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        tree = etree.fromstring(body, safe).getroottree()
    except etree.LxmlError as error:
        raise ValueError(f"the body is no {kind.upper()}: {truncate(str(error), 120)}") from error
    if tree.docinfo.internalDTD is not None and any(tree.docinfo.internalDTD.iterentities()):
        raise ValueError("the body is XML that declares entities, which are not read")
    return tree


def find(query: str, tree: Any, kind: Kind, namespaces: Mapping[str, str]) -> Any:
    """Find what a query means in a document that `read` gave, or `MISSING`."""
    expression, attribute = _expression(query, kind)
    left = MAX_TEXT
    try:
        # XPath's sum of nothing is 0: a mistyped path would be below every bound.
        if any(not _compiled(each, namespaces)(tree) for each in _summed(expression)):
            return MISSING
        found = _compiled(expression, namespaces)(tree)
    except _refused():
        return MISSING  # a limit of the library, or a function given what it cannot take
    if isinstance(found, bool):
        return found
    if isinstance(found, float):
        return (int(found) if found.is_integer() else found) if math.isfinite(found) else MISSING
    if isinstance(found, str):
        return found or MISSING
    if attribute:
        found = [value for each in found if (value := each.get(attribute)) is not None]
    texts: list[str] = []
    for each in found:
        texts.append(_text(each, kind))
        left -= len(texts[-1])
        if left < 0:
            return MISSING  # each of many nested elements has the text of all below it
    return texts or MISSING


def _summed(expression: str) -> Iterator[str]:
    """Give what every `sum(…)` of an expression adds up."""
    bare = _TEXTS.sub(lambda text: "_" * len(text[0]), expression)
    for start in _SUM.finditer(bare):
        depth, end = 1, start.end()
        while depth and end < len(bare):
            depth += {"(": 1, ")": -1}.get(bare[end], 0)
            end += 1
        yield expression[start.end() : end - 1]


def _expression(query: str, kind: Kind) -> tuple[str, str]:
    """Give the XPath expression a query means, and the attribute it asks each element for."""
    if kind == "xml" or _IS_XPATH.match(query):
        return query, ""
    from cssselect import HTMLTranslator

    match = _WITH_ATTRIBUTE.fullmatch(query.strip())
    selector, attribute = (match[1], match[2]) if match else (query, "")
    return str(HTMLTranslator().css_to_xpath(selector)), attribute


def _compiled(expression: str, namespaces: Mapping[str, str]) -> Any:
    from lxml import etree

    return etree.XPath(expression, namespaces=dict(namespaces) or None, regexp=False, smart_strings=False)


def _refused() -> tuple[type[Exception], ...]:
    """Give what the two libraries raise for a query that they cannot use."""
    from cssselect import SelectorError
    from lxml import etree

    return etree.XPathError, SelectorError, ValueError, TypeError, RecursionError


def _wrong(expression: str, kind: Kind, namespaces: Mapping[str, str]) -> str:
    """Say what of an XPath expression there is not; libxml2 says so only when it comes to it, if it ever does."""
    bare = _TEXTS.sub("''", expression)
    if "$" in bare:
        return "there are no variables in it; ${…} takes values of the plan"
    for function in _CALL.findall(bare):
        if function not in _FUNCTIONS and function not in _BEFORE_BRACKETS:
            return f"there is no function {function!r} in XPath 1.0{did_you_mean(function, (*_FUNCTIONS, *_BEFORE_BRACKETS))}"
    for prefix in _PREFIX.findall(bare):
        if kind == "html":
            return f"there are no namespaces in HTML, and so nothing called {prefix}"
        if prefix not in namespaces and prefix != "xml":
            return f"the prefix {prefix!r} stands for nothing; add namespaces: {{{prefix}: URI}}"
    if not _LOOKS.search(_NUMBER.sub("", _CALL.sub("", bare))):
        return "it looks at nothing of the answer, so its value is always the same"
    return ""


def _text(node: Any, kind: Kind) -> str:
    """Give a node's text; that of an HTML element with blanks as a browser shows them."""
    if isinstance(node, str):
        return str(node)
    if isinstance(node, tuple):  # a namespace: its prefix and its URI
        return str(node[1])
    text = str(_string(node))
    return " ".join(text.split()) if kind == "html" else text


def _string(node: Any) -> Any:
    return node.xpath("string()")
