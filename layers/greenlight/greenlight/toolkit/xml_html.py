"""Queries in XML by XPath, and in HTML by CSS selector or XPath; DTDs, entities, network and deep nesting are disabled.

The result of a query for nodes is the list of their texts. The result of an expression such as `count(//item)` is its
number, boolean or text. Without any node, text or number the result is `MISSING`. A query in HTML is a CSS selector,
or XPath if it begins with `/`, `./`, `(` or the name of a function. A selector may end in `@NAME` for that attribute of
each element.

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
"""Maximum length of a query, in characters."""

MAX_TEXT = 8_000_000
"""Characters of all texts that one query finds."""

_FUNCTIONS = (
    "boolean", "ceiling", "concat", "contains", "count", "false", "floor", "id", "lang", "last", "local-name", "name",
    "namespace-uri", "normalize-space", "not", "number", "position", "round", "starts-with", "string", "string-length",
    "substring", "substring-after", "substring-before", "sum", "translate", "true",
)  # fmt: skip
_WORDS_BEFORE_PARENTHESIS = ("comment", "node", "processing-instruction", "text", "and", "or", "div", "mod")
_STRING_LITERAL = re.compile(r"\"[^\"]*\"|'[^']*'")
_CALL = re.compile(r"([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)\s*\(")
_PREFIX = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_*])")
_NUMBER = re.compile(r"(?<![\w.-])(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_SUM = re.compile(r"(?<![\w.-])sum\s*\(")
_READS_DOCUMENT = re.compile(r"[\w*@/.]")
_IS_XPATH = re.compile(r"\s*(?:[/(]|\.\.?/|[a-z-]+\s*\()")
_WITH_ATTRIBUTE = re.compile(r"(.*[^@\s])@([A-Za-z_:][\w:.-]*)", re.DOTALL)
_DECLARES_CHARSET = re.compile(rb"<meta[^>]{0,200}charset", re.IGNORECASE)


def validate_query(query: str, kind: Kind, namespaces: Mapping[str, str], *path: str | int) -> None:
    """Reject a query that finds nothing in any document.

    Args:
        query: The query of the plan.
        kind: Kind of the document.
        namespaces: Prefixes that it may use, each with its URI.
        path: Path of the query from its struct, for the message.

    Raises:
        ExpectationError: The query is not valid, uses an unknown function or prefix, or does not read the document.
    """
    name = "XPath expression" if kind == "xml" or _IS_XPATH.match(query) else "CSS selector"
    if not 0 < len(query) <= MAX_LENGTH:
        raise ExpectationError(f"a {name} has 1 to {MAX_LENGTH} characters, and this has {len(query)}", path)
    try:
        expression, _ = _to_xpath(query, kind)
        mistake = _find_mistake(expression, kind, namespaces)
        if not mistake:
            _compile(expression, namespaces)
    except _query_errors() as error:
        reason = re.sub(r"<EOF at \d+>", "the end", " ".join(str(error).split())) or type(error).__name__
        example = "//item/title or count(//item)" if name.startswith("XPath") else "h1, div.price > b or a.next@href"
        message = f"{truncate(query, 60)!r} is not a valid {name}: {reason}; write such as {example}"
        raise ExpectationError(message, path) from error
    if mistake:
        raise ExpectationError(f"{truncate(query, 60)!r}: {mistake}", path)


def read(body: bytes, kind: Kind, charset: str | None) -> Any:
    """Parse a document; `charset` is that of its Content-Type.

    Raises:
        ValueError: The body is not such a document, or declares entities; the message gives the reason.
    """
    from lxml import etree

    if kind == "html" and charset is None and not _DECLARES_CHARSET.search(body[:1024]):
        charset = "utf-8"
    if charset is not None:
        try:
            body.decode(charset)  # the parsers would replace invalid bytes
        except UnicodeDecodeError as error:
            raise ValueError(f"the body is not text in {charset}") from error
    try:
        if kind == "html":
            parser = etree.HTMLParser(encoding=charset, no_network=True, huge_tree=False)
            root = etree.fromstring(body, parser)
            if root is None or any(entry.level >= etree.ErrorLevels.FATAL for entry in parser.error_log):
                raise ValueError("the body is not HTML that can be parsed completely")
            return root.getroottree()
        xml_parser = etree.XMLParser(
            encoding=charset, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        tree = etree.fromstring(body, xml_parser).getroottree()
    except etree.LxmlError as error:
        raise ValueError(f"the body is not {kind.upper()}: {truncate(str(error), 120)}") from error
    if tree.docinfo.internalDTD is not None and any(tree.docinfo.internalDTD.iterentities()):
        raise ValueError("the body is XML that declares entities, which are not read")
    return tree


def find(query: str, tree: Any, kind: Kind, namespaces: Mapping[str, str]) -> Any:
    """Return the result of a query in a document of `read`, or `MISSING`."""
    expression, attribute = _to_xpath(query, kind)
    try:
        # The sum of no nodes is 0 in XPath, so a mistyped path would be below every bound.
        if any(not _compile(argument, namespaces)(tree) for argument in _sum_arguments(expression)):
            return MISSING
        result = _compile(expression, namespaces)(tree)
    except _query_errors():
        return MISSING  # a limit of the library, or a wrong type of a function's argument
    if isinstance(result, bool):
        return result
    if isinstance(result, float):
        return _to_number(result)
    if isinstance(result, str):
        return result or MISSING
    if attribute:
        result = [value for element in result if (value := element.get(attribute)) is not None]
    return _texts_of(result, kind) or MISSING


def _to_number(value: float) -> Any:
    if not math.isfinite(value):
        return MISSING
    return int(value) if value.is_integer() else value


def _texts_of(nodes: Any, kind: Kind) -> list[str]:
    """Return the texts of nodes; an empty list if they are too long, because nested elements repeat their texts."""
    texts: list[str] = []
    remaining = MAX_TEXT
    for node in nodes:
        texts.append(_text(node, kind))
        remaining -= len(texts[-1])
        if remaining < 0:
            return []
    return texts


def _sum_arguments(expression: str) -> Iterator[str]:
    """Yield the argument of every `sum(…)` in an expression."""
    bare = _STRING_LITERAL.sub(lambda text: "_" * len(text[0]), expression)
    for start in _SUM.finditer(bare):
        depth, end = 1, start.end()
        while depth and end < len(bare):
            depth += {"(": 1, ")": -1}.get(bare[end], 0)
            end += 1
        yield expression[start.end() : end - 1]


def _to_xpath(query: str, kind: Kind) -> tuple[str, str]:
    """Return a query as an XPath expression, and the attribute that it reads of each element."""
    if kind == "xml" or _IS_XPATH.match(query):
        return query, ""
    from cssselect import HTMLTranslator

    match = _WITH_ATTRIBUTE.fullmatch(query.strip())
    selector, attribute = (match[1], match[2]) if match else (query, "")
    return str(HTMLTranslator().css_to_xpath(selector)), attribute


def _compile(expression: str, namespaces: Mapping[str, str]) -> Any:
    from lxml import etree

    return etree.XPath(expression, namespaces=dict(namespaces) or None, regexp=False, smart_strings=False)


def _query_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of both libraries for a query that they cannot use."""
    from cssselect import SelectorError
    from lxml import etree

    return etree.XPathError, SelectorError, ValueError, TypeError, RecursionError


def _find_mistake(expression: str, kind: Kind, namespaces: Mapping[str, str]) -> str:
    """Return a message about an unknown name, or ""; libxml2 reports it only when it evaluates that part, if at all."""
    bare = _STRING_LITERAL.sub("''", expression)
    if "$" in bare:
        return "XPath variables are not supported; write ${…} for a value of the plan"
    for function in _CALL.findall(bare):
        if function not in _FUNCTIONS and function not in _WORDS_BEFORE_PARENTHESIS:
            hint = did_you_mean(function, (*_FUNCTIONS, *_WORDS_BEFORE_PARENTHESIS))
            return f"there is no function {function!r} in XPath 1.0{hint}"
    for prefix in _PREFIX.findall(bare):
        if kind == "html":
            return f"HTML has no namespaces; remove the prefix {prefix}"
        if prefix not in namespaces and prefix != "xml":
            return f"the prefix {prefix!r} is not defined; add namespaces: {{{prefix}: URI}}"
    if not _READS_DOCUMENT.search(_NUMBER.sub("", _CALL.sub("", bare))):
        return "it looks at nothing of the answer, so its value is always the same"
    return ""


def _text(node: Any, kind: Kind) -> str:
    """Return the text of a node; an HTML element has its whitespace collapsed, as in a browser."""
    if isinstance(node, str):
        return str(node)
    if isinstance(node, tuple):  # a namespace: its prefix and its URI
        return str(node[1])
    text = str(_string_value(node))
    return " ".join(text.split()) if kind == "html" else text


def _string_value(node: Any) -> Any:
    return node.xpath("string()")
