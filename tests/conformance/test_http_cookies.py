"""Cookies: cases of the http-state working group, the origin of RFC 6265.

A case is what a server at http://home.example.org:8888/cookie-parser sets, the target of the next request, and its
Cookie header. Source: https://github.com/abarth/http-state, tests/data. All 222 cases were run; the ones here differ
from each other. Nine have another result: a cookie is sent only to the host that set it (domain0004, 0005, 0025, 0031),
so public suffixes need no rule (domain0017); the suite itself disabled three (path0029, chromium0022, 0023); and 0028
expects no Cookie header. Dates that were in the future for the suite have passed, so the clock here is set to 2011.
"""

from __future__ import annotations

import datetime
import urllib.parse

import pytest

from greenlight.network.cookies import CookieJar, parse_date

NOW = 1293840000.0
SET_AT = "http://home.example.org:8888/cookie-parser"


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        (["foo=bar"], "foo=bar"),
        (["foo=bar; Expires=Fri, 07 Aug 2019 08:04:19 GMT"], "foo=bar"),
        (
            ["foo=bar; Expires=Fri, 07 Aug 2007 08:04:19 GMT", "foo2=bar2; Expires=Fri, 07 Aug 2027 08:04:19 GMT"],
            "foo2=bar2",
        ),
        (["foo"], ""),
        (["foo=bar; max-age=10000;"], "foo=bar"),
        (["foo=bar; max-age=0;"], ""),
        (["foo=bar; version=1;"], "foo=bar"),
        (["foo=bar; secure;"], ""),
        (['foo=bar; customvalue="1000 or more";'], "foo=bar"),
        (["foo=bar", "foo=qux"], "foo=qux"),
        (["z=y", "a=b"], "z=y; a=b"),
        (["z=y, a=b"], "z=y, a=b"),
        (["foo=b;max-age=3600, c=d;path=/"], "foo=b"),
        (["a=b", "=", "c=d"], "a=b; c=d"),
        (["a=b", "=x", "c=d"], "a=b; c=d"),
        (["a=b", "x=", "c=d"], "a=b; x=; c=d"),
        (["foo", "; bar"], ""),
        (["foo=bar; seCURe"], ""),
        (['foo=bar; "Secure"'], "foo=bar"),
        (["foo=bar; Secure=aaaa"], ""),
        (["foo=bar; Secure qux"], "foo=bar"),
        (["foo=bar; Secure =aaaaa"], ""),
        (["foo=bar; Path"], "foo=bar"),
        (["foo=bar; Path="], "foo=bar"),
        (["foo=bar; Path=/qux"], ""),
        (["foo=bar; Path    =/qux"], ""),
        (["foo=bar; Path=/qux      ; taz"], ""),
        (["foo=bar; Path=/qux; Path=/"], "foo=bar"),
        (["foo=bar; Path=/; Path=/qux"], ""),
        (['foo=bar; qux="aaa;bbb"; Secure'], ""),
        (['aBc="zzz "   ;'], 'aBc="zzz "'),
        (['aBc="zz;pp" ; ;'], 'aBc="zz'),
        (['aBc="zzz "   "ppp"  ;'], 'aBc="zzz "   "ppp"'),
        (['aBc=A"B ;'], 'aBc=A"B'),
        (["BLAHHH; path=/;"], ""),
        (["=ABC"], ""),
        (["ABC=;  path = /"], "ABC="),
        (["  A  = BC  ;foo;;;   bar"], "A=BC"),
        (["  A=== BC  ;foo;;;   bar"], "A=== BC"),
        (["foo=bar, baz=qux"], "foo=bar, baz=qux"),
        (["foo=bar; b,az=qux"], "foo=bar"),
        (["foo=bar; Max-Age=50,399"], "foo=bar"),
    ],
)  # fmt: skip
def test_set_cookie_header_is_parsed_like_the_working_group(headers: list[str], cookies: str) -> None:
    assert cookie_header(headers, "/cookie-parser-result") == cookies


@pytest.mark.parametrize(
    ("domain", "accepted"),
    [
        ("home.example.org", True),
        (".home.example.org", True),
        ("example.org", True),
        ("  .home.example.org", True),
        ("home.eXaMpLe.org", True),
        ("", True),
        ("sibling.example.org", False),
        ("subdomain.home.example.org", False),
        ("..home.example.org", False),
        ("home..example.org", False),
        ("  .  home.example.org", False),
        ("home.example.org.", False),
        ("home.example.org .", False),
        (".org.", False),
        ('"home.example.org"', False),
        ("home.example.org:8888", False),
    ],
)
def test_cookie_for_another_domain_is_rejected(domain: str, accepted: bool) -> None:
    assert cookie_header([f"foo=bar; domain={domain}"], "/cookie-parser-result") == ("foo=bar" if accepted else "")


@pytest.mark.parametrize("host", ["sibling.example.org", "example.org", "home.example.com", "xhome.example.org"])
def test_cookie_is_not_sent_to_another_host(host: str) -> None:
    for domain in ("", "; domain=home.example.org", "; domain=example.org"):
        assert cookie_header([f"foo=bar{domain}"], f"http://{host}:8888/cookie-parser-result") == ""


@pytest.mark.parametrize(
    ("path", "target", "matches"),
    [
        ("/cookie-parser-result/foo", "/cookie-parser-result/foo", True),
        ("/cookie-parser-result/foo", "/cookie-parser-result/foo/bar", True),
        ("/cookie-parser-result/foo/", "/cookie-parser-result/foo/bar", True),
        ("/cookie-parser-result", "/cookie-parser-result?x", True),
        ("/cookie-parser-result/foo", "/cookie-parser-result/foobar", False),
        ("/cookie-parser-result/foo/", "/cookie-parser-result/foo", False),
        ("/cookie-parser-result/foo", "/cookie-parser-result", False),
        ("/cookie-parser-result/foo", "/cookie-parser-result/Foo", False),
        ("/Cookie-parser-result", "/cookie-parser-result", False),
    ],
)
def test_cookie_is_sent_to_its_path_and_below(path: str, target: str, matches: bool) -> None:
    assert cookie_header([f"foo=bar; path={path}"], target) == ("foo=bar" if matches else "")


def test_cookies_are_sorted_by_length_of_path_and_by_age() -> None:
    headers = [
        "key=val0;",
        "key=val1; path=/cookie-parser-result",
        "key=val2; path=/",
        "key=val3; path=/bar",
        "key=val4; domain=.example.org",
        "key=val5; domain=.example.org; path=/cookie-parser-result/foo",
    ]
    assert cookie_header(headers, "/cookie-parser-result/foo/baz") == "key=val5; key=val1; key=val2; key=val4"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 10-Dec-2007 17:02:24 GMT", (2007, 12, 10, 17, 2, 24)),
        ("Wed, 09 Dec 2009 16:27:23 GMT", (2009, 12, 9, 16, 27, 23)),
        ("Thursday, 01-Jan-1970 00:00:00 GMT", (1970, 1, 1, 0, 0, 0)),
        ("Mon Dec 10 16:32:30 2007 GMT", (2007, 12, 10, 16, 32, 30)),
        ("Wednesday, 01-Jan-10 00:00:00 GMT", (2010, 1, 1, 0, 0, 0)),
        ("Saturday, 8-Dec-2012 21:24:09 GMT", (2012, 12, 8, 21, 24, 9)),
        ("Thu, 31 Dec 23:55:55 2037 GMT", (2037, 12, 31, 23, 55, 55)),
        ("Wed Dec 12 2007 08:44:07 GMT-0500 (EST)", (2007, 12, 12, 8, 44, 7)),
        ("Wednesday, 01-Jan-10 0:0:00 GMT", (2010, 1, 1, 0, 0, 0)),
        ("Thu, 10 Dec 2009 13:57:2 GMT", (2009, 12, 10, 13, 57, 2)),
        ("Mon, 01-Jan-2011 00: 00:00 GMT", None),
    ],
)
def test_date_is_parsed_like_the_working_group(text: str, moment: tuple[int, ...] | None) -> None:
    expected = moment and datetime.datetime(*moment, tzinfo=datetime.UTC).timestamp()  # type: ignore[misc,arg-type]
    assert parse_date(text) == expected


def cookie_header(headers: list[str], target: str) -> str:
    """Return the Cookie header of the next request."""
    jar = CookieJar()
    jar.store([("Set-Cookie", header) for header in headers], SET_AT, "home.example.org", NOW)
    url = urllib.parse.urljoin(SET_AT, target)
    return jar.cookie_header(url, urllib.parse.urlsplit(url).hostname or "", NOW + 1)
