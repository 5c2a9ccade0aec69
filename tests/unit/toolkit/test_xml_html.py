"""XML and HTML: which queries are refused, which documents are not read, and what a query finds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING
from greenlight.toolkit.xml_html import Kind, find, read, validate_query

ORDER = b"""<?xml version="1.0"?>
<order xmlns:s="http://shop.example/ns" id="7"><s:item price="1.5">Pen</s:item><s:item price="2">Ink
 blue<!-- dear --></s:item><empty/><n>12</n></order>"""
PAGE = """<!doctype html><title>Shop</title><h1 class=big>Good
  <b>morning</b></h1><ul><li>Pen<li>Ink</ul><a class=next href="/2">more</a><a href="mailto:a@b">mail</a>
  <form><input name=csrf value=t0k3n></form><p>é""".encode()
NS = {"s": "http://shop.example/ns"}


def of_xml(query: str, body: bytes = ORDER) -> Any:
    validate_query(query, "xml", NS)
    return find(query, read(body, "xml", None), "xml", NS)


def of_html(query: str, body: bytes = PAGE) -> Any:
    validate_query(query, "html", {})
    return find(query, read(body, "html", None), "html", {})


# ---- Invalid queries


@pytest.mark.parametrize(
    ("query", "kind", "why"),
    [
        ("", "xml", "1 to 2000 characters"),
        ("/" * 2001, "xml", "1 to 2000 characters"),
        ("//item[", "xml", "not a valid XPath expression"),
        ("//item/@", "xml", "not a valid XPath expression"),
        ("//x:item", "xml", "the prefix 'x' is not defined"),
        ("//item[x:price > 1]", "xml", "add namespaces: {x: URI}"),
        ("child::x:item", "xml", "the prefix 'x'"),
        ("//item[lenght(.) > 1]", "xml", "there is no function 'lenght'"),
        ("string-lenght(//item)", "xml", "did you mean 'string-length'?"),
        ("re:test(//a, 'x')", "xml", "there is no function 're:test'"),
        ("//item[. = $x]", "xml", "variables are not supported"),
        ("'//item'", "xml", "it looks at nothing"),
        ("true()", "xml", "it looks at nothing"),
        ("1 = 1.0", "xml", "it looks at nothing"),
        ("//a[" * 400, "xml", "not a valid XPath expression"),
        ("li >", "html", "not a valid CSS selector"),
        ("li:frist", "html", "not a valid CSS selector"),
        ("li::text", "html", "not a valid CSS selector"),
        ("[", "html", "not a valid CSS selector"),
        ("@href", "html", "not a valid CSS selector"),
        ("//li[", "html", "not a valid XPath expression"),
        ("count(//li", "html", "not a valid XPath expression"),
        ("svg|rect", "html", "HTML has no namespaces"),
        ("//svg:rect", "html", "HTML has no namespaces"),
    ],
)
def test_a_query_that_could_find_nothing_is_refused(query: str, kind: Kind, why: str) -> None:
    with pytest.raises(ExpectationError, match=re.escape(why)):
        validate_query(query, kind, NS)


# ---- Documents that are not read

LAUGHS = b"<!DOCTYPE l [" + b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10 if level else b"lol") for level in range(10)
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"<a>\xff</a>",
        b"<a>\0</a>",
        b"<a>" * 300 + b"</a>" * 300,
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd"> %p;]><a/>',
        LAUGHS + b"]><l>&l9;</l>",
        LAUGHS + b']><l a="&l9;"/>',
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"a <b>bold</b> word",
    ],
)
def test_dangerous_xml_is_rejected(body: bytes) -> None:
    with pytest.raises(ValueError, match="the body is"):
        read(body, "xml", None)


@pytest.mark.parametrize("body", [b"", b"  ", b"<p>\xe9", b"<div>" * 3000 + b"<b class=error>"])
def test_html_that_cannot_be_parsed_completely_is_rejected(body: bytes) -> None:
    with pytest.raises(ValueError, match="the body is not"):
        read(body, "html", None)


def test_a_document_that_is_not_in_its_charset_is_not_read() -> None:
    for kind in ("xml", "html"):
        with pytest.raises(ValueError, match="not text in utf-8"):
            read(b"<p>\xe9</p>", kind, "utf-8")  # type: ignore[arg-type]


# ---- Results


@pytest.mark.parametrize(
    "query",
    ["//nothing", "/order/item", "string(//nothing)", "string(//empty)", "number(//nothing)", "number(//n/@x)",
     "//n div 0", "//order/@price", "string(//s:item[9])",
     "sum(//nothing)", "sum(//nothing) + 5", "count(//n) + sum( //n[. = ')']/@x )"],
)  # fmt: skip
def test_xpath_without_a_match_is_missing(query: str) -> None:
    assert of_xml(query) is MISSING


@pytest.mark.parametrize("query", ["h2", "li.gone", "a@title", "li@href", "//h2", "string(//h2)", "li:nth-child(7)"])
def test_selector_without_a_match_is_missing(query: str) -> None:
    assert of_html(query) is MISSING


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("//s:item", ["Pen", "Ink\n blue"]),
        ("//s:item[1]", ["Pen"]),
        ("//s:item/@price", ["1.5", "2"]),
        ("//n/text()", ["12"]),
        ("//empty", [""]),
        ("string(//s:item)", "Pen"),
        ("count(//s:item)", 2),
        ("count(//nothing)", 0),
        ("sum(//s:item/@price)", 3.5),
        ("number(//n)", 12),
        ("//n = 12", True),
        ("//n = 13", False),
        ("boolean(//nothing)", False),
        ("//*[local-name() = 'item' and @price > 1.7]/@price", ["2"]),
        ("/order/@id", ["7"]),
        ("//comment()", [" dear "]),
        ("contains(//s:item[2], 'blue')", True),
    ],
)
def test_xpath_finds_texts_numbers_and_truths(query: str, result: Any) -> None:
    actual = of_xml(query)
    assert actual == result
    assert type(actual) is type(result)


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("h1", ["Good morning"]),
        ("title", ["Shop"]),
        ("li", ["Pen", "Ink"]),
        ("li:last-child", ["Ink"]),
        ("a.next@href", ["/2"]),
        ("a@href", ["/2", "mailto:a@b"]),
        ('a[href="mailto:a@b"]', ["mail"]),
        ("input[name=csrf]@value", ["t0k3n"]),
        ("H1.big", ["Good morning"]),
        ("p", ["é"]),
        ("//li", ["Pen", "Ink"]),
        ("//a/@href", ["/2", "mailto:a@b"]),
        ("count(//li)", 2),
        (" (//li)[2]", ["Ink"]),
        ("normalize-space(//h1)", "Good morning"),
    ],
)
def test_selectors_and_xpath_find_texts_in_a_page(query: str, result: Any) -> None:
    assert of_html(query) == result


@pytest.mark.parametrize(
    ("body", "kind", "charset"),
    [
        (b"<p>caf\xc3\xa9</p>", "html", None),
        (b"<p>caf\xe9</p>", "html", "iso-8859-1"),
        (b"<meta charset=iso-8859-1><p>caf\xe9</p>", "html", None),
        (b"<p>caf\xc3\xa9</p>", "xml", None),
        (b"<p>caf\xe9</p>", "xml", "iso-8859-1"),
        (b'<?xml version="1.0" encoding="iso-8859-1"?><p>caf\xe9</p>', "xml", None),
        ("<p>café</p>".encode("utf-16"), "xml", None),
    ],
)
def test_a_document_is_read_in_its_own_charset(body: bytes, kind: Kind, charset: str | None) -> None:
    assert find("//p", read(body, kind, charset), kind, {}) == ["café"]


def test_doctype_without_entities_is_accepted() -> None:
    body = b'<!DOCTYPE plist PUBLIC "-//X//DTD//EN" "http://127.0.0.1:1/x.dtd"><plist><key>a</key></plist>'
    assert of_xml("//key", body) == ["a"]


def test_many_nested_elements_with_much_text_find_nothing_rather_than_fill_the_memory() -> None:
    body = b"<html><body>" + b"<div>" * 200 + b"x" * 500_000 + b"</div>" * 200 + b"</body></html>"
    assert of_html("div", body) is MISSING
    assert of_html("count(//div)", body) == 200
