"""Command lines of curl, as browsers copy them and people keep them, into requests.

Source: https://curl.se/docs/manpage.html
"""

from __future__ import annotations

import base64
import re
import shlex
import urllib.parse
from typing import TYPE_CHECKING

from devkit.recording.request import RecordedRequest, keep_request, origin_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHOD = ("-X", "--request")
_HEADER = ("-H", "--header")
_BODY = ("-d", "--data", "--data-ascii", "--data-raw", "--data-binary")
_VALUES = {
    *_METHOD, *_HEADER, *_BODY, "--data-urlencode", "--json", "-u", "--user", "-b", "--cookie", "-A", "--user-agent",
    "-e", "--referer", "--url", "-o", "--output", "-w", "--write-out", "-m", "--max-time", "--connect-timeout",
    "--retry", "--retry-delay", "--max-redirs", "--oauth2-bearer",
}  # fmt: skip
_FLAGS = {
    "-s", "--silent", "-S", "--show-error", "-v", "--verbose", "-f", "--fail", "--fail-with-body", "-k", "--insecure",
    "-L", "--location", "--compressed", "-i", "--include", "-g", "--globoff", "-N", "--no-buffer", "-#", "--progress-bar",
    "--http1.1", "--http2", "-4", "-6", "-I", "--head", "-G", "--get", "-O", "--remote-name", "--no-progress-meter",
}  # fmt: skip
_BEGINS = re.compile(r"[\s$>'\"]*(?:[^\s]*/)?curl(?:\.exe)?['\"]?(?:\s|$)")
_GLUED = re.compile(r"-([XHduboAewm])(.+)", re.DOTALL)


MAX_LENGTH = 1_000_000
"""Characters of one command."""


class UnreadableError(Exception):
    """A command line that is not recorded; says why."""


def commands(text: str) -> Iterator[str]:
    """Give every command of a file: lines that a backslash or an open quote continues belong together."""
    held = ""
    for line in text.splitlines():
        if not held and (not line.strip() or line.lstrip().startswith("#")):
            continue
        held = f"{held}\n{line}" if held else line
        if held.endswith("\\") and not _of_windows(held):
            held = held[:-1] + " "
            continue
        if held.endswith("^") and len(held) <= MAX_LENGTH:
            continue
        if len(held) <= MAX_LENGTH and _open(held):
            continue
        yield held
        held = ""
    if held:
        yield held


def _open(command: str) -> bool:
    """Tell whether a quote goes on in the next line."""
    if "'" not in command and '"' not in command:
        return False
    try:
        _words(command)
    except ValueError:
        return True
    return False


def _of_windows(command: str) -> bool:
    """Tell whether a command is written for cmd.exe, as browsers copy it there: carets before quotes and line ends."""
    return '^"' in command or re.search(r"\^(\n|$)", command) is not None


def _words(command: str) -> list[str]:
    """Split a command as its shell does, up to the first pipe, redirection or further command.

    Raises:
        ValueError: A quote goes on.
    """
    words = _cmd(command) if _of_windows(command) else shlex.split(_plainly_quoted(command))
    end = next((at for at, word in enumerate(words) if at and _OPERATOR.fullmatch(word)), len(words))
    return words[:end]


_OPERATOR = re.compile(r"[;&|]|&&|\|\||[0-9&]?>>?.*")
_ANSI = re.compile(r"\\(?:u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_OF_BASH = re.compile(r"\\([$`])|\\.", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}


def _plainly_quoted(command: str) -> str:
    """Write bash's $'…', which browsers use where a body has line ends or quotes, as quotes that shlex knows.

    Raises:
        ValueError: A quote goes on.
    """
    parts = re.compile(r"""\$'((?:[^'\\]|\\.)*)'|('[^']*'|"(?:[^"\\]|\\.)*"|\\.|\$'|[^$'"\\]+|.)""", re.DOTALL)

    def plain(match: re.Match[str]) -> str:
        if match[2] == "$'":
            raise ValueError("no closing quotation")
        if match[1] is None:  # in double quotes shlex keeps the backslash of what bash would replace
            return _OF_BASH.sub(lambda each: each[1] or each[0], match[2]) if match[2][0] == '"' else match[2]
        return shlex.quote(_ANSI.sub(_unescaped, match[1]))

    return parts.sub(plain, command)


def _unescaped(match: re.Match[str]) -> str:
    short, long, byte, octal, other = match.groups()
    number = short or long or byte
    code = int(number, 16) if number else int(octal, 8) if octal else -1
    if code > 0x10FFFF:
        raise UnreadableError("it has a character that is none")
    return chr(code) if code >= 0 else _ESCAPES.get(other, other if other in "\\'\"?" else f"\\{other}")


def _cmd(command: str) -> list[str]:
    """Split as cmd.exe and then a Windows program do: carets go, then quotes and the backslashes before them.

    Source: https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments.

    Raises:
        ValueError: A quote goes on.
    """
    words: list[str] = []
    word: str | None = None
    quoted = False
    for match in re.finditer(r'(\\*)"|[\s]|[^"\s\\]+|\\+', _without_carets(command)):
        text = match[0]
        if match[1] is not None:
            slashes = len(match[1])
            word = (word or "") + "\\" * (slashes // 2) + ('"' if slashes % 2 else "")
            quoted = quoted if slashes % 2 else not quoted
        elif text.isspace() and not quoted:
            words += [word] if word is not None else []
            word = None
        else:
            word = (word or "") + text
    if quoted:
        raise ValueError("no closing quotation")
    return [*words, *([word] if word is not None else [])]


def _without_carets(command: str) -> str:
    """Take out what escapes for cmd.exe; between plain quotes a caret is one, and at a line's end it joins lines."""
    parts = re.compile(r'"[^"\n]*"|\^\n(\n?)|\^(.)|.', re.DOTALL)
    return parts.sub(lambda match: match[1] or match[2] or ("" if match[0] == "^\n" else match[0]), command)


def asked(command: str, number: int) -> tuple[str, RecordedRequest]:
    """Give the origin and the request of one command.

    Raises:
        UnreadableError: It is none of curl, reads files, or has an option that is not known here.
    """
    if len(command) > MAX_LENGTH:
        raise UnreadableError(f"it is longer than {MAX_LENGTH} characters")
    if not _BEGINS.match(command):
        raise UnreadableError("it does not begin with curl")
    try:
        words = _words(command)
    except ValueError as error:
        raise UnreadableError(f"its quotes do not end ({error})") from error
    words = words[next((at for at, word in enumerate(words) if word not in ("$", ">")), 0) :]
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise UnreadableError("it does not begin with curl")
    options = _options(words[1:])
    url = _url(options)
    headers = [_header(each) for each in options.all(*_HEADER)]
    body, media_type = _body(options)
    headers += _implied(options)
    if media_type and "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", media_type))
    if options.has("-G", "--get") and body is not None:
        url, body = f"{url}{'&' if '?' in url else '?'}{body.decode()}", None
        headers = [each for each in headers if each[0].lower() != "content-type"]
    method = options.last(*_METHOD) or (
        "HEAD" if options.has("-I", "--head") else "POST" if body is not None else "GET"
    )
    sent = tuple((name, value) for name, value in headers if keep_request(name))
    return origin_of(url), RecordedRequest(
        method=method.upper(), path=path_of(url), headers=sent, body=body, of=f"curl command {number}"
    )


class _Options:
    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.rest: list[str] = []

    def all(self, *names: str) -> list[str]:
        return [value for name, value in self.given if name in names]

    def last(self, *names: str) -> str:
        return next(reversed(self.all(*names)), "")

    def has(self, *names: str) -> bool:
        return any(name in names for name, _ in self.given)


def _options(words: list[str]) -> _Options:
    options = _Options()
    waiting = iter(words)
    for word in waiting:
        name, equals, glued = word.partition("=") if word.startswith("--") else (word, "", "")
        match = _GLUED.fullmatch(word) if not word.startswith("--") else None
        if name in _VALUES:
            value = glued if equals else next(waiting, None)
            if value is None:
                raise UnreadableError(f"{name} has no value")
            options.given.append((name, value))
        elif word in _FLAGS:
            options.given.append((word, ""))
        elif match and f"-{match[1]}" in _VALUES:
            options.given.append((f"-{match[1]}", match[2]))
        elif re.fullmatch(r"-[a-zA-Z#46]{2,}", word) and all(f"-{each}" in _FLAGS for each in word[1:]):
            options.given += [(f"-{each}", "") for each in word[1:]]
        elif word.startswith("-"):
            raise UnreadableError(f"the option {name} is not known here")
        else:
            options.rest.append(word)
    return options


def _url(options: _Options) -> str:
    urls = [*options.all("--url"), *options.rest]
    if len(urls) != 1:
        raise UnreadableError(f"it has {len(urls) or 'no'} URLs, and one is wanted")
    url = urls[0]
    if "://" not in url and not url.startswith("/"):
        url = f"http://{url}"
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UnreadableError("its URL has no host and port that can be called") from error
    if "@" in parts.netloc:
        raise UnreadableError("its URL has credentials in it; give them with -u")
    if parts.scheme not in ("", "http", "https"):
        raise UnreadableError("its URL is neither http nor https")
    return url


def _header(written: str) -> tuple[str, str]:
    name, colon, value = written.partition(":")
    if not colon or written.startswith("@"):
        raise UnreadableError("a header is read from a file, or has no colon")
    return name.strip(), value.strip()


def _body(options: _Options) -> tuple[bytes | None, str]:
    parts, media_type = [], "application/x-www-form-urlencoded"
    for name, value in options.given:
        if name in _BODY or name in ("--json", "--data-urlencode"):
            if value.startswith("@") and name != "--data-raw":
                raise UnreadableError("its body is read from a file; put it on the line")
            parts.append(_encoded(value) if name == "--data-urlencode" else value)
        if name == "--json":
            media_type = "application/json"
    if not parts:
        return None, ""
    body = ("" if media_type == "application/json" else "&").join(parts)
    return body.encode(), media_type


def _encoded(value: str) -> str:
    name, equals, content = value.partition("=")
    return f"{name}{'=' if name else ''}{urllib.parse.quote(content)}" if equals else urllib.parse.quote(value)


def _implied(options: _Options) -> list[tuple[str, str]]:
    headers = []
    if user := options.last("-u", "--user"):
        headers.append(("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}"))
    if bearer := options.last("--oauth2-bearer"):
        headers.append(("Authorization", f"Bearer {bearer}"))
    if cookie := options.last("-b", "--cookie"):
        if "=" not in cookie:
            raise UnreadableError("its cookies are read from a file")
        headers.append(("Cookie", cookie))
    if referer := options.last("-e", "--referer"):
        headers.append(("Referer", referer))
    if options.has("--json"):
        headers.append(("Accept", "application/json"))
    return headers
