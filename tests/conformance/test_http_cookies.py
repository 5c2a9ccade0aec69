"""Cookies beside the cases of the http-state working group, which RFC 6265 came from.

Each case is what a server at http://home.example.org:8888/cookie-parser sets, where the next request goes, and the
Cookie header it has. Source: https://github.com/abarth/http-state, tests/data. All 222 of them were run; the ones here
are those that differ from each other. Nine come out otherwise: a cookie goes to no other host than the one that set it
(domain0004, 0005, 0025, 0031), so it does not matter whether a domain is a public suffix (domain0017); three that the suite
itself has switched off (path0029, chromium0022, 0023); and what 0028 expects is no Cookie header. Dates of the suite that
were to come have passed, which is why its day here is in 2011.
"""

from __future__ import annotations

import datetime
import urllib.parse

import pytest

from greenlight.network.cookies import CookieJar, parse_date

THEN = 1293840000.0
SET_AT = "http://home.example.org:8888/cookie-parser"


@pytest.mark.parametrize(
    ("headers", "cookies"),
    [
        (["foo=bar"], "foo=bar"),
        (["foo=bar; Expires=Fri, 07 Aug 2019 08:04:19 GMT"], "foo=bar"),
        (["foo=bar; Expires=Fri, 07 Aug 2007 08:04:19 GMT", "foo2=bar2; Expires=Fri, 07 Aug 2027 08:04:19 GMT"], "foo2=bar2"),
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
def test_a_set_cookie_means_what_the_working_group_says(headers: list[str], cookies: str) -> None:
    assert sent(headers, "/cookie-parser-result") == cookies


@pytest.mark.parametrize(
    ("domain", "kept"),
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
def test_a_domain_that_is_not_the_hosts_makes_no_cookie(domain: str, kept: bool) -> None:
    assert sent([f"foo=bar; domain={domain}"], "/cookie-parser-result") == ("foo=bar" if kept else "")


@pytest.mark.parametrize("host", ["sibling.example.org", "example.org", "home.example.com", "xhome.example.org"])
def test_a_cookie_goes_to_no_other_host(host: str) -> None:
    for domain in ("", "; domain=home.example.org", "; domain=example.org"):
        assert sent([f"foo=bar{domain}"], f"http://{host}:8888/cookie-parser-result") == ""


@pytest.mark.parametrize(
    ("path", "to", "fits"),
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
def test_a_cookie_goes_to_its_path_and_what_is_below(path: str, to: str, fits: bool) -> None:
    assert sent([f"foo=bar; path={path}"], to) == ("foo=bar" if fits else "")


def test_longer_paths_come_first_and_older_cookies_before_newer() -> None:
    headers = [
        "key=val0;",
        "key=val1; path=/cookie-parser-result",
        "key=val2; path=/",
        "key=val3; path=/bar",
        "key=val4; domain=.example.org",
        "key=val5; domain=.example.org; path=/cookie-parser-result/foo",
    ]
    assert sent(headers, "/cookie-parser-result/foo/baz") == "key=val5; key=val1; key=val2; key=val4"


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
def test_a_date_means_what_the_working_group_says(text: str, moment: tuple[int, ...] | None) -> None:
    expected = moment and datetime.datetime(*moment, tzinfo=datetime.UTC).timestamp()  # type: ignore[misc,arg-type]
    assert parse_date(text) == expected


def sent(headers: list[str], to: str) -> str:
    """Say which cookies go with the next request."""
    jar = CookieJar()
    jar.store([("Set-Cookie", header) for header in headers], SET_AT, "home.example.org", THEN)
    url = urllib.parse.urljoin(SET_AT, to)
    return jar.cookie_header(url, urllib.parse.urlsplit(url).hostname or "", THEN + 1)
