"""Parser for curl commands, as browsers copy them and as scripts contain them.

Source: https://curl.se/docs/manpage.html
"""

from __future__ import annotations

import base64
import itertools
import re
import shlex
import urllib.parse
from typing import TYPE_CHECKING

from .request import RecordedRequest, is_relevant_header, origin_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHOD_OPTIONS = ("-X", "--request")
_HEADER_OPTIONS = ("-H", "--header")
_BODY_OPTIONS = ("-d", "--data", "--data-ascii", "--data-raw", "--data-binary")
_OPTIONS_WITH_VALUE = {
    *_METHOD_OPTIONS, *_HEADER_OPTIONS, *_BODY_OPTIONS,
    "--data-urlencode", "--json", "-u", "--user", "-b", "--cookie", "-A", "--user-agent",
    "-e", "--referer", "--url", "-o", "--output", "-w", "--write-out", "-m", "--max-time", "--connect-timeout",
    "--retry", "--retry-delay", "--max-redirs", "--oauth2-bearer",
}  # fmt: skip
_FLAGS = {
    "-s", "--silent", "-S", "--show-error", "-v", "--verbose", "-f", "--fail", "--fail-with-body", "-k", "--insecure",
    "-L", "--location", "--compressed", "-i", "--include", "-g", "--globoff", "-N", "--no-buffer", "-#",
    "--progress-bar", "--http1.1", "--http2", "-4", "-6", "-I", "--head", "-G", "--get", "-O",
    "--remote-name", "--no-progress-meter",
}  # fmt: skip
_PREFIX = re.compile(r"\s*(?:(?:sudo|time|command|env)\s+)+")
"""Words before curl that run it unchanged."""
_SHELL_VARIABLE = re.compile(r"\$(?:\{[^}]*\}?|\w+|\()")
_CURL = re.compile(r"[\s$>'\"]*(?:[^\s]*/)?curl(?:\.exe)?['\"]?(?:\s|$)")
_OPTION_WITH_VALUE = re.compile(r"-([XHduboAewm])(.+)", re.DOTALL)
MAX_LENGTH = 1_000_000
"""Limit on the characters of one command."""
_OPERATOR = re.compile(r"[;&|]|&&|\|\||[0-9&]?>>?.*")
_ANSI_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL
)
_ANSI_CHARACTERS = {
    "n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v",
}  # fmt: skip
_BASH_ESCAPE = re.compile(r"\\([$`])|\\.", re.DOTALL)
_BASH_PARTS = re.compile(r"""\$'((?:[^'\\]|\\.)*)'|('[^']*'|"(?:[^"\\]|\\.)*"|\\.|\$'|[^$'"\\]+|.)""", re.DOTALL)
_CMD_PARTS = re.compile(r'"[^"\n]*"|\^\n(\n?)|\^(.)|.', re.DOTALL)


class UnreadableError(Exception):
    """A command that cannot be recorded, with the reason."""


def split_commands(text: str) -> Iterator[str]:
    """Split a file into commands: a backslash, caret or open quote continues a command in the next line."""
    command = ""
    for line in text.splitlines():
        if not command and (not line.strip() or line.lstrip().startswith("#")):
            continue
        command = f"{command}\n{line}" if command else line
        if command.endswith("\\") and not _is_for_cmd(command):
            command = command[:-1] + " "
            continue
        if command.endswith(" `"):  # PowerShell's continuation
            command = command[:-1]
            continue
        if len(command) <= MAX_LENGTH and (command.endswith("^") or _has_open_quote(command)):
            continue
        yield command
        command = ""
    if command:
        yield command


def parse_command(command: str, number: int) -> tuple[str, RecordedRequest]:
    """Parse one command; return the origin and the request.

    Raises:
        UnreadableError: It is not a curl command, reads files, or has an unsupported option.
    """
    options = _parse_options(_curl_arguments(command))
    url = _url(options)
    headers = [_header(text) for text in options.all(*_HEADER_OPTIONS)]
    body, media_type = _body(options)
    headers += _implied_headers(options)
    if media_type and "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", media_type))
    if options.has("-G", "--get") and body is not None:
        url, body = f"{url}{'&' if '?' in url else '?'}{body.decode()}", None
        headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
    return origin_of(url), RecordedRequest(
        method=_method(options, body),
        path=path_of(url),
        headers=tuple((name, value) for name, value in headers if is_relevant_header(name)),
        body=body,
        source=f"curl command {number}",
    )


def _curl_arguments(command: str) -> list[str]:
    if len(command) > MAX_LENGTH:
        raise UnreadableError(f"it is longer than {MAX_LENGTH} characters")
    command = _PREFIX.sub("", command, count=1) if _PREFIX.match(command) else command
    if not _CURL.match(command):
        raise UnreadableError("it does not begin with curl")
    try:
        words = _split_words(command)
    except ValueError as error:
        raise UnreadableError(f"it has an open quote ({error})") from error
    words = list(itertools.dropwhile(lambda word: word in ("$", ">"), words))  # a prompt
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise UnreadableError("it does not begin with curl")
    return words[1:]


def _method(options: _Options, body: bytes | None) -> str:
    if method := options.last(*_METHOD_OPTIONS):
        return method.upper()
    if options.has("-I", "--head"):
        return "HEAD"
    return "GET" if body is None else "POST"


# ---- Words of a shell ------------------------------------------------------------------------------------------------


def _has_open_quote(command: str) -> bool:
    """Return whether a quoted text continues in the next line."""
    if "'" not in command and '"' not in command:
        return False
    try:
        _split_words(command)
    except ValueError:
        return True
    return False


def _is_for_cmd(command: str) -> bool:
    """Return whether a command is for cmd.exe, as browsers copy it there: carets before quotes and at line ends."""
    return '^"' in command or re.search(r"\^(\n|$)", command) is not None


def _split_words(command: str) -> list[str]:
    """Split a command as its shell does, up to the first pipe, redirection or further command.

    Raises:
        ValueError: A quote is open.
    """
    words = _split_cmd(command) if _is_for_cmd(command) else shlex.split(_with_plain_quotes(command))
    end = next((index for index, word in enumerate(words) if index and _OPERATOR.fullmatch(word)), len(words))
    return words[:end]


def _with_plain_quotes(command: str) -> str:
    """Replace bash's $'…', which browsers use for bodies with line ends or quotes, by quotes that shlex supports.

    Raises:
        ValueError: A quote is open.
    """
    return _BASH_PARTS.sub(_plain_quotes, command)


def _plain_quotes(match: re.Match[str]) -> str:
    ansi, other = match.groups()
    if other == "$'":
        raise ValueError("no closing quotation")
    if ansi is not None:
        return shlex.quote(_ANSI_ESCAPE.sub(_unescape, ansi))
    # In double quotes, shlex keeps the backslash before $ and `, which bash removes.
    return _BASH_ESCAPE.sub(lambda escape: escape[1] or escape[0], other) if other[0] == '"' else str(other)


def _unescape(match: re.Match[str]) -> str:
    short, long, byte, octal, other = match.groups()
    if other is not None:
        return _ANSI_CHARACTERS.get(other, other if other in "\\'\"?" else f"\\{other}")
    code = int(octal, 8) if octal else int(short or long or byte, 16)
    if code > 0x10FFFF:
        raise UnreadableError("it has an escape that is not a Unicode character")
    return chr(code)


def _split_cmd(command: str) -> list[str]:
    """Split a command as cmd.exe and then a Windows program do: carets, then quotes and backslashes before them.

    Source: https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments.

    Raises:
        ValueError: A quote is open.
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
    """Remove the escapes of cmd.exe: a caret joins lines at their end, and is literal between unescaped quotes."""
    return _CMD_PARTS.sub(lambda match: match[1] or match[2] or ("" if match[0] == "^\n" else match[0]), command)


# ---- Options of curl -------------------------------------------------------------------------------------------------


class _Options:
    """Parsed arguments: options with their values in order, and the other words."""

    def __init__(self) -> None:
        self.options: list[tuple[str, str]] = []
        self.arguments: list[str] = []

    def all(self, *names: str) -> list[str]:
        """Return the values of all options with one of the names."""
        return [value for name, value in self.options if name in names]

    def last(self, *names: str) -> str:
        """Return the last value, which curl uses; "" without one."""
        return next(reversed(self.all(*names)), "")

    def has(self, *names: str) -> bool:
        """Return whether there is an option with one of the names."""
        return any(name in names for name, _ in self.options)


def _parse_options(words: list[str]) -> _Options:
    parsed = _Options()
    remaining = iter(words)
    for word in remaining:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        match = _OPTION_WITH_VALUE.fullmatch(word) if not word.startswith("--") else None
        if name in _OPTIONS_WITH_VALUE:
            following = value if equals else next(remaining, None)
            if following is None:
                raise UnreadableError(f"{name} has no value")
            parsed.options.append((name, following))
        elif word in _FLAGS:
            parsed.options.append((word, ""))
        elif match and f"-{match[1]}" in _OPTIONS_WITH_VALUE:
            parsed.options.append((f"-{match[1]}", match[2]))
        elif re.fullmatch(r"-[a-zA-Z#46]{2,}", word) and all(f"-{letter}" in _FLAGS for letter in word[1:]):
            parsed.options += [(f"-{letter}", "") for letter in word[1:]]
        elif word.startswith("-"):
            raise UnreadableError(f"the option {name} is not supported")
        else:
            parsed.arguments.append(word)
    return parsed


def _url(options: _Options) -> str:
    urls = [*options.all("--url"), *options.arguments]
    if len(urls) != 1:
        raise UnreadableError(f"it has {len(urls) or 'no'} URLs instead of one")
    url = urls[0]
    if variable := _SHELL_VARIABLE.search("/".join(url.split("/")[:3]) if "://" in url else url.partition("/")[0]):
        raise UnreadableError(f"its URL has the shell's variable {variable[0]}; write the value of it")
    if "://" not in url and not url.startswith("/"):
        url = f"http://{url}"
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UnreadableError("its URL has no valid host and port") from error
    if "@" in parts.netloc:
        raise UnreadableError("its URL has credentials in it; pass them with -u")
    if parts.scheme not in ("", "http", "https"):
        raise UnreadableError("its URL is neither http nor https")
    return url


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or text.startswith("@"):
        raise UnreadableError("a header is read from a file, or has no colon")
    return name.strip(), value.strip()


def _body(options: _Options) -> tuple[bytes | None, str]:
    """Return the body and its media type; None and "" without a body."""
    parts, media_type = [], "application/x-www-form-urlencoded"
    for name, value in options.options:
        if name in _BODY_OPTIONS or name in ("--json", "--data-urlencode"):
            if value.startswith("@") and name != "--data-raw":
                raise UnreadableError("its body is read from a file; write the body in the command")
            parts.append(_url_encode(value) if name == "--data-urlencode" else value)
        if name == "--json":
            media_type = "application/json"
    if not parts:
        return None, ""
    body = ("" if media_type == "application/json" else "&").join(parts)
    return body.encode(), media_type


def _url_encode(value: str) -> str:
    name, equals, content = value.partition("=")
    return f"{name}{'=' if name else ''}{urllib.parse.quote(content)}" if equals else urllib.parse.quote(value)


def _implied_headers(options: _Options) -> list[tuple[str, str]]:
    """Return the headers that curl sends because of other options."""
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
