"""The rules of docs/style.md that a machine can check, over every file that git tracks.

Run it as a tool to list all offences below some paths: `python -m tests.unit.test_style PATH…` (no path: everything).
"""

from __future__ import annotations

import ast
import functools
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]

EXEMPT = ("tests/unit/test_style.py", "docs/style.md", "tests/unit/report/goldens/")
"""Files that quote offences in order to forbid them, and reports that the code writes."""

PYTHON = ("layers/", "validators/", "hooks/", "devkit/", "tests/", "examples/")
PROSE = re.compile(
    r"(?:[^/]+|docs/.+|examples/.+|tests/.+|requirements/.+|\.github/.+)\.md"
    r"|(?:.+/)?Makefile|.+\.mk|template\.yaml|samconfig\.toml|pyproject\.toml|\.ci/run|requirements/[^/]+\.in"
    r"|\.github/.+\.yml|\.(?:editorconfig|gitattributes|gitignore|pre-commit-config\.yaml)"
)

_VERBS = """
    Abort Accept Acquire Add Adopt Allocate Allow Annotate Answer Append Apply Ask Assemble Assert Assign Assume
    Attach Authenticate Await Begin Bind Block Break Build Bundle Cache Calculate Call Cancel Cap Capture Change
    Check Choose Classify Clean Clear Close Collect Combine Compare Compile Complete Compress Compute Configure
    Confirm Connect Construct Consume Convert Copy Count Create Cut Debug Decide Decode Decompress Decrement
    Deduplicate Define Delay Delegate Delete Deliver Deploy Derive Describe Deserialize Detach Detect Determine
    Disable Discard Discover Dispatch Display Distribute Divide Download Drain Draw Drop Dump Duplicate Emit Enable
    Encode End Enforce Ensure Enter Enumerate Escape Estimate Evaluate Examine Exchange Exclude Execute Exit Expand
    Expect Explain Export Expose Extend Extract Fail Fetch Fill Filter Finalize Find Finish Flatten Flush Fold
    Follow Force Fork Format Forward Generate Get Group Grow Guard Guess Handle Hang Hash Hide Highlight Identify
    Ignore Implement Import Include Increment Indent Infer Inject Insert Inspect Install Interpolate Interpret
    Intersect Invert Invoke Issue Iterate Join Judge Keep Kill Launch Limit Link Lint List Listen Load Locate Lock
    Log Look Lower Make Map Mark Mask Match Measure Merge Migrate Mock Modify Monitor Mount Move Name Narrow Negate
    Normalize Notify Number Observe Obtain Offer Omit Open Order Override Pack Pad Page Paginate Parse Partition
    Pass Patch Pause Peek Perform Pick Ping Play Plot Point Poll Pop Post Predict Prefix Prepare Prepend Preserve
    Prevent Print Probe Process Produce Prompt Propagate Prove Provide Prune Publish Pull Push Put Query Queue Quote
    Raise Rank Reach Read Rebuild Receive Recognize Reconnect Record Redact Redirect Reduce Refer Refuse Register
    Reject Release Reload Remember Remove Rename Render Repeat Replace Replay Reply Report Represent Request Require
    Reserve Reset Resolve Respond Restart Restore Restrict Resume Retire Retrieve Retry Return Reuse Reverse Rewrite
    Roll Rotate Round Route Run Sample Save Scale Scan Schedule Score Seal Search Select Send Separate Serialize
    Serve Set Share Shift Shorten Show Shuffle Shut Sign Signal Silence Simulate Skip Sleep Slice Snapshot Solve
    Sort Spawn Specify Split Start Stop Store Stream Strip Style Submit Subscribe Substitute Subtract Suggest Sum
    Summarize Supervise Suppress Suspend Swap Switch Synchronize Take Terminate Test Throttle Time Toggle Track
    Transfer Transform Translate Traverse Trim Truncate Try Turn Unescape Unpack Unregister Update Upgrade Upload
    Use Validate Verify Visit Wait Walk Warn Watch Wrap Write Yield Zip
"""
VERBS = frozenset(_VERBS.split())
"""Verbs that a function's docstring may begin with: imperative and usual in the field. A missing one is added here."""

BANNED_VERBS = frozenset({"Be", "Give", "Hold", "Let", "Say", "Tell"})
BANNED_DATA = frozenset({"each", "found", "said", "told", "wanted", "what", "whoever", "written"})
CONTRACT_FIELDS = frozenset({"each", "told", "written"})
"""Fields of structs with such a name that are keys of plans or reports. They stay; nothing else may have the name."""


class Rule(NamedTuple):
    """What a text must not contain, and the texts that it is searched in."""

    name: str
    pattern: re.Pattern[str]
    kinds: frozenset[str]
    advice: str


class Text(NamedTuple):
    """A piece of English: a comment, docstring, string, name or paragraph, with the line that it begins on."""

    kind: str
    line: int
    text: str


class Offence(NamedTuple):
    """A place that breaks a rule."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.text}"


EVERYWHERE = frozenset({"docstring", "comment", "string", "name", "prose", "code"})
ENGLISH = frozenset({"docstring", "comment", "name", "prose"})
SENTENCES = frozenset({"docstring", "comment", "prose"})

RULES = (
    Rule(
        "is-no",
        re.compile(
            r"(?<!\bthere )(?<!\bthere\n)\bis\s+no\b(?!\s+(?:longer|more|less|fewer|later|earlier)\b)(?!-)", re.I
        ),
        EVERYWHERE,
        "'is not a valid X', not 'is no X'",
    ),
    Rule("is-none", re.compile(r"\b(?:is|are)\s+none\b(?!`)"), EVERYWHERE, "name what is missing"),
    Rule("nobody", re.compile(r"\b(?:nobody|somebody|whoever)\b", re.I), EVERYWHERE, "name who acts"),
    Rule(
        "sentence-start",
        re.compile(
            r"(?:\A|(?<=[.!:]\s)|(?<=\n\n)|(?<=[-*|>]\s))(?:What|Whoever|That which)\s[^.?!|]*(?![^.?!|]*\?)", re.S
        ),
        SENTENCES,
        "begin with the subject",
    ),
    Rule(
        "metaphor",
        re.compile(
            r"\b(?:(?:the|this|our|their|its|own|of) house(?:'s)?|houses|pure rooms?|(?:these|those|three|the) rooms"
            r"|a room of|(?:the|every|each|no|other|another) room(?! for| to| in)\b|rooms (?:that|of|which)"
            r"|the street|cellars?|shelf|shelves"
            r"|(?:own|the|its|other|tests'|rehearsal's) walls|(?:only|a|front) door(?! of)"
            r"|(?:the|own) grounds(?! for| that))\b",
            re.I,
        ),
        ENGLISH,
        "name the thing itself: package, module, layer, folder, boundary",
    ),
)

_SUSPECT = re.compile(
    r"(?i:^\s*#|\bis no|none\b|body\b|whoever|house|room|street|cellar|shel|wall|door|ground)|What|That which"
)
"""Words that the text after a # must contain for it to be worth knowing whether it is a comment or part of a string."""


# ---- Reading files ---------------------------------------------------------------------------------------------------


def tracked(root: Path) -> tuple[str, ...]:
    """Return the paths of all files that git tracks, or would track, below `root`. Links are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    paths = (path for path in sorted(set(listed.split("\0"))) if path)
    return tuple(path for path in paths if (root / path).is_file() and not (root / path).is_symlink())


def offences_in(root: Path, paths: Iterable[str]) -> Iterator[Offence]:
    """Check every file of `paths` that a rule applies to."""
    for path in paths:
        if path.startswith(EXEMPT):
            continue
        if path.endswith(".py") and path.startswith(PYTHON):
            source = (root / path).read_text(encoding="utf-8")
            yield from sorted(_python_offences(path, source))
        elif PROSE.fullmatch(path):
            source = (root / path).read_text(encoding="utf-8")
            pieces = _markdown(source) if path.endswith(".md") else _comments_and_values(source)
            yield from _text_offences(path, source.splitlines(), pieces)


def _python_offences(path: str, source: str) -> Iterator[Offence]:
    tree = ast.parse(source, path)
    reader = _Reader(path)
    reader.read(tree)
    if tree.body and not ast.get_docstring(tree, clean=False):
        yield Offence(path, 1, "module-docstring", "the module has no docstring")
    yield from reader.offences
    comments = _comments(source, reader.string_lines) if "#" in source else []
    yield from _text_offences(path, source.splitlines(), [*reader.texts, *comments])


def _text_offences(path: str, lines: list[str], texts: Iterable[Text]) -> Iterator[Offence]:
    for piece in texts:
        for rule in RULES:
            if piece.kind not in rule.kinds:
                continue
            for match in rule.pattern.finditer(piece.text):
                line = _line_of(piece, match, lines)
                begin = max(0, match.start() - 30)
                quote = " ".join(piece.text[begin : max(match.end(), match.start() + 50)].split())
                yield Offence(path, line, rule.name, f"{quote[:110]}  ({rule.advice})")


def _line_of(piece: Text, match: re.Match[str], lines: list[str]) -> int:
    """Return the line of a match: by line breaks in the text, else the first line after it with the same words."""
    line = piece.line + piece.text.count("\n", 0, match.start())
    words = match.group().split("\n")[0][:40]
    near = range(line - 1, min(line + 12, len(lines)))
    return next((number + 1 for number in near if words in lines[number]), line)


# ---- Python ----------------------------------------------------------------------------------------------------------


class _Reader:
    """Collects the texts of one module, and the offences that only its syntax shows."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.offences: list[Offence] = []
        self.texts: list[Text] = []
        self.string_lines: set[int] = set()
        self._docstrings: set[int] = set()
        self._class_fields: set[int] = set()

    def read(self, tree: ast.Module) -> None:
        """Visit all nodes, parents first. ast.NodeVisitor takes twice as long."""
        stack: list[ast.AST] = [tree]
        while stack:
            node = stack.pop()
            visit = _VISITORS.get(type(node))
            children = visit(self, node) if visit else None
            if children is not None:
                stack.extend(children)
                continue
            for field in node._fields:
                value = getattr(node, field, None)
                if value.__class__ is list:
                    stack.extend(item for item in value if isinstance(item, ast.AST))
                elif isinstance(value, ast.AST):
                    stack.append(value)

    def module(self, node: ast.Module) -> None:
        self._docstring(node)

    def class_(self, node: ast.ClassDef) -> None:
        self._docstring(node)
        self._name(node)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                self._class_fields.add(id(statement.target))

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        text = self._docstring(node)
        self._name(node)
        if text is not None and not _may_be_a_claim(node):
            self._first_word(node, text)

    def argument(self, node: ast.arg) -> None:
        self._data(node.arg, node.lineno)

    def variable(self, node: ast.Name) -> None:
        is_key = id(node) in self._class_fields and node.id in CONTRACT_FIELDS
        if isinstance(node.ctx, ast.Store) and not is_key:
            self._data(node.id, node.lineno)

    def attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store):
            self._data(node.attr, node.lineno)

    def bound_name(self, node: ast.ExceptHandler | ast.MatchAs) -> None:
        self._data(node.name or "", node.lineno)

    def f_string(self, node: ast.JoinedStr) -> list[ast.AST]:
        self._note_string_lines(node)
        parts = [str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values]
        self.texts.append(Text("string", node.lineno, "".join(parts)))
        return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]

    def constant(self, node: ast.Constant) -> list[ast.AST]:
        if isinstance(node.value, str | bytes):
            self._note_string_lines(node)
        if isinstance(node.value, str) and " " in node.value and id(node) not in self._docstrings:
            self.texts.append(Text("string", node.lineno, node.value))
        return []

    def expression(self, node: ast.Expr) -> None:
        """Take a string that stands alone, such as below a constant, for a docstring."""
        value = node.value
        is_string = isinstance(value, ast.Constant) and isinstance(value.value, str)
        if is_string and id(value) not in self._docstrings:
            self._docstrings.add(id(value))
            self.texts.append(Text("docstring", value.lineno, str(value.value)))

    def _note_string_lines(self, node: ast.Constant | ast.JoinedStr) -> None:
        self.string_lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))

    def _docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
        first = node.body[0] if node.body else None
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            return None
        if not isinstance(first.value.value, str):
            return None
        self._docstrings.add(id(first.value))
        self.texts.append(Text("docstring", first.value.lineno, first.value.value))
        return first.value.value

    def _name(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        spoken = node.name if isinstance(node, ast.ClassDef) else node.name.strip("_").replace("_", " ")
        self.texts.append(Text("name", node.lineno, spoken))
        if spoken.startswith("test what "):
            self.offences.append(Offence(self.path, node.lineno, "sentence-start", f"{node.name}  (name the subject)"))

    def _first_word(self, node: ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> None:
        word = re.match(r"\s*([A-Za-z-]*)", text).group(1)  # type: ignore[union-attr]
        if word not in VERBS:
            summary = text.strip().split("\n")[0][:90]
            reason = f"'{word}' is banned" if word in BANNED_VERBS else "begin with an imperative verb, see VERBS"
            rule = Offence(self.path, node.lineno, "docstring-verb", f"{node.name}: {summary}  ({reason})")
            self.offences.append(rule)

    def _data(self, name: str, line: int) -> None:
        if name.strip("_") in BANNED_DATA:
            self.offences.append(Offence(self.path, line, "data-name", f"data named '{name}'  (use the noun for it)"))


_VISITORS: dict[type[ast.AST], Callable[[_Reader, Any], list[ast.AST] | None]] = {
    ast.Module: _Reader.module,
    ast.ClassDef: _Reader.class_,
    ast.FunctionDef: _Reader.function,
    ast.AsyncFunctionDef: _Reader.function,
    ast.arg: _Reader.argument,
    ast.Name: _Reader.variable,
    ast.Attribute: _Reader.attribute,
    ast.ExceptHandler: _Reader.bound_name,
    ast.MatchAs: _Reader.bound_name,
    ast.JoinedStr: _Reader.f_string,
    ast.Constant: _Reader.constant,
    ast.Expr: _Reader.expression,
}


def _may_be_a_claim(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether the docstring may be a noun phrase or a sentence.

    That is so for tests, properties and fixtures, and for validators, whose docstring is the claim that they check.
    """
    if node.name.startswith("test_"):
        return True
    decorators = (ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list)
    return any(
        name.endswith(("property", ".setter", ".getter", "fixture")) or name.split(".")[-1] == "validator"
        for name in decorators
    )


def _comments(source: str, string_lines: set[int]) -> list[Text]:
    """Return the comments of a module; those on lines of their own that follow each other are one text."""
    lines = source.splitlines()
    pieces: list[tuple[int, bool, str]] = []
    exact: dict[int, str] | None = None
    for number, line in enumerate(lines, 1):
        if "#" not in line:
            continue
        if number in string_lines:
            if not _SUSPECT.search(line, line.index("#")):
                continue  # tokenizing every file takes more time than all the rest
            exact = _tokenized_comments(source) if exact is None else exact
            comment = exact.get(number)
        else:
            comment = line[line.index("#") :]
        if comment is not None:
            pieces.append((number, line.lstrip().startswith("#"), comment.lstrip("#:! ").rstrip()))
    texts: list[Text] = []
    last, last_alone = 0, False
    for number, alone, comment in pieces:
        if alone and last_alone and number == last + 1:
            texts[-1] = texts[-1]._replace(text=f"{texts[-1].text}\n{comment}")
        else:
            texts.append(Text("comment", number, comment))
        last, last_alone = number, alone
    return texts


def _tokenized_comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


# ---- Prose -----------------------------------------------------------------------------------------------------------


def _markdown(source: str) -> Iterator[Text]:
    """Split Markdown into paragraphs, rows and headings; code is `code`, and links keep their words alone."""
    fenced = False
    paragraph: list[str] = []
    begin = 0
    for number, line in enumerate([*source.splitlines(), ""], 1):
        fence = line.lstrip().startswith(("```", "~~~"))
        boundary = fence or fenced or not line.strip() or re.match(r"\s*(?:[-*+|>#]|\d+\.)\s?", line)
        if boundary and paragraph:
            yield Text("prose", begin, "\n".join(paragraph))
            paragraph = []
        if fence:
            fenced = not fenced
        elif fenced:
            yield Text("code", number, line)
        elif line.strip():
            begin = begin if paragraph else number
            paragraph.append(_plain(line))
            if re.match(r"\s*[|#]", line):
                yield Text("prose", number, paragraph.pop())


def _plain(line: str) -> str:
    line = re.sub(r"\]\([^)]*\)", "]", line)
    line = re.sub(r"`[^`]*`", "X", line)
    line = re.sub(r"^\s*(?:#+|[-*+]|\d+\.|>)\s+", "", line)
    return line.replace("**", "").replace("[", "").replace("]", "")


def _comments_and_values(source: str) -> Iterator[Text]:
    """Yield each line of a configuration file as prose, and runs of comments as one text."""
    run: list[str] = []
    begin = 0
    for number, line in enumerate([*source.splitlines(), ""], 1):
        if line.lstrip().startswith("#"):
            begin = begin if run else number
            run.append(line.strip().lstrip("# "))
            continue
        if run:
            yield Text("prose", begin, "\n".join(run))
            run = []
        value = re.sub(r"^\s*(?:- )?[\w.'\"]+:\s+[>|]?-?['\"]?", "", line).strip()
        if value:
            yield Text("prose", number, value)


# ---- Tests -----------------------------------------------------------------------------------------------------------


@functools.cache
def all_offences() -> tuple[Offence, ...]:
    return tuple(offences_in(ROOT, tracked(ROOT)))


def offences_against(rule: str) -> str:
    """Return one line for every offence against a rule."""
    return "\n".join(str(offence) for offence in all_offences() if offence.rule == rule)


def test_a_function_docstring_begins_with_an_imperative_verb() -> None:
    assert offences_against("docstring-verb") == ""


def test_data_is_named_by_a_noun() -> None:
    assert offences_against("data-name") == ""


def test_a_negation_names_its_subject() -> None:
    assert offences_against("is-no") == ""


def test_a_missing_thing_is_named() -> None:
    assert offences_against("is-none") == ""


def test_no_sentence_is_about_an_unnamed_person() -> None:
    assert offences_against("nobody") == ""


def test_a_sentence_begins_with_its_subject() -> None:
    assert offences_against("sentence-start") == ""


def test_there_are_no_private_metaphors() -> None:
    assert offences_against("metaphor") == ""


def test_every_module_has_a_docstring() -> None:
    assert offences_against("module-docstring") == ""


SAMPLES = {
    "is-no": ("5 is no duration.", "It is\nno duration."),
    "is-none": ("A SKIPPED is none.", "There are none."),
    "nobody": ("until somebody answers", "Nobody is told.", "whoever reads"),
    "sentence-start": (
        "What a page says.",
        "Fine. What is left is cut.",
        "That which remains.",
        "- Whoever asks is told.",
    ),
    "metaphor": (
        "the rules of the house",
        "three rooms",
        "a pure room",
        "on the shelf",
        "with its own walls",
        "front door",
    ),
}
PLAIN = (
    "There is no stage 'X'. It is no longer used, is no more than 5 and is a no-op.",
    "Returns None if the body is not JSON. anybody",
    "What is green? Green is the new version; what it answers is compared. What's new",
    "a warehouse, in-house, wall time, a firewall, room for two, headroom, on the grounds that, next door, streets",
)


def test_each_rule_catches_its_samples_and_no_plain_sentence() -> None:
    for rule in RULES:
        assert [text for text in SAMPLES[rule.name] if not rule.pattern.search(text)] == [], rule.name
        assert [text for text in PLAIN if rule.pattern.search(text)] == [], rule.name


def test_python_is_read_by_its_syntax(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text(
        "def f(what):\n"
        '    """Give it."""\n'
        '    x = "a # nobody" # somebody\n'
        "    # 5 is\n"
        "    # no duration\n"
        "    for each in what.found: self.said = f'{x} is none'\n"
    )

    offences = [(offence.line, offence.rule) for offence in offences_in(tmp_path, ["tests/a.py"])]

    assert offences == [
        (1, "data-name"), (1, "docstring-verb"), (1, "module-docstring"), (3, "nobody"), (3, "nobody"),
        (4, "is-no"), (6, "data-name"), (6, "data-name"), (6, "is-none"),
    ]  # fmt: skip


def test_verbs_are_allowed_or_banned() -> None:
    assert not VERBS & BANNED_VERBS


def main(arguments: list[str]) -> int:
    """Print every offence below the given paths of the current work tree."""
    root = Path.cwd()
    below = tuple(Path(argument).as_posix().removeprefix("./") for argument in arguments) or (".",)
    paths = [path for path in tracked(root) if any(b == "." or path == b or path.startswith(f"{b}/") for b in below)]
    offences = list(offences_in(root, paths))
    sys.stdout.write("".join(f"{offence}\n" for offence in offences))
    sys.stderr.write(f"{len(offences)} offences in {len({offence.path for offence in offences})} files\n")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
