"""The conformance kit finds each of these faults in a plugin that is right otherwise, and none in the right one."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.checks.registry import MalformedError
from greenlight.testing import Case, StubbedAws, check_validator, load_validator

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = '''
"""release: green says which release it is, and the parameter store agrees.

Example:
    checks:
      - name: green is this release
        release: {expect: "2", token: "${secret:ssm:/shop/token}"}
"""

import itertools
import logging
import os
import time

from greenlight.api import Context, Expectation, Finding, GreenlightError, Params, error, check_value, finding_from, passed, validator

TURNS = itertools.count()


class Release(Params, frozen=True, kw_only=True):
    """What the header `x-release` must be, and the `token` to ask with."""

    expect: Expectation
    token: str = "none"


@validator(Release, iam=("ssm:GetParameter",), remediation="Look at what was deployed.")
def release(params: Release, context: Context) -> Finding:
    """Green says which release it is."""
    try:
        response = context.request("GET", "/", headers={"authorization": params.token})
        kept = context.aws_call("ssm", "get_parameter", Name="/shop/release").get("Parameter", {}).get("Value")
    except GreenlightError as problem:
        return error(str(problem))
    found = [check_value("x-release", params.expect, response.header("x-release")), check_value("kept", params.expect, kept)]
    return finding_from(found, "green is this release")
'''.lstrip()


def answer(_method: str, path: str, _body: bytes) -> tuple[int, dict[str, str], Any]:
    return 200, {"x-release": "2"}, {"path": path}


def kept(aws: StubbedAws) -> None:
    aws.add_response("ssm", "get_parameter", {"Parameter": {"Value": "2"}}, {"Name": "/shop/release"})


def right(expect: str = "2", **more: Any) -> Case:
    return Case(params={"expect": expect, "token": "abc"}, green=answer, aws=kept, timeout_s=0.3, **more)


def broken(folder: Path, old: str, new: str, **more: Any) -> str:
    """Give what the kit says of the right plugin with `old` replaced in it."""
    assert old in RIGHT
    file = folder / "release.py"
    file.write_text(RIGHT.replace(old, new))
    with pytest.raises(AssertionError, match=r"release breaks \d+ promise") as caught:
        check_validator(file, passing=right(), failing=right("3"), **more)
    return str(caught.value)


ASK = 'response = context.request("GET", "/", headers={"authorization": params.token})'
END = '    return finding_from(found, "green is this release")'

BAD = {
    "it is not frozen": (
        "Params, frozen=True, kw_only=True",
        "Params, frozen=False, kw_only=True",
        "takes no|not frozen|frozen",
    ),
    "its parameters are open": (
        "frozen=True, kw_only=True)",
        "frozen=True, kw_only=True, forbid_unknown_fields=False)",
        "Release takes keys that it does not know[^$]*an unknown key in its parameters is not refused",
    ),
    "no schema can be made of its parameters": (
        "token: str",
        "token: str | complex",
        "no JSON Schema can be made of Release",
    ),
    "nobody says what it is": ('"""release: green', '"""Green', "must begin with 'release: '"),
    "nobody says what its parameters mean": (
        '    """What the header',
        '    # """What the header',
        "Release needs a docstring",
    ),
    "it has no example": ("Example:", "Such as:", "has no 'Example:'"),
    "its example is no plan": (
        'release: {expect: "2"',
        'release: {expects: "2"',
        "the example in its docstring is not a valid plan: .*did you mean 'expect'",
    ),
    "its example is of another": (
        '        release: {expect: "2", token',
        '        releases: {expect: "2", token',
        "is not a valid plan: .*there is no validator 'releases'",
    ),
    "nobody knows what to do": (', remediation="Look at what was deployed."', "", "remediation= is empty"),
    "its IAM action is none": (
        "ssm:GetParameter",
        "ssm:get_parameter",
        "holds 'ssm:get_parameter', which is not an IAM action",
    ),
    "it calls what it does not declare": (
        'iam=("ssm:GetParameter",), ',
        "",
        "it calls ssm:GetParameter and its iam= does not say so",
    ),
    "it declares what it does not call": (
        '"ssm:GetParameter",',
        '"ssm:GetParameter", "s3:GetObject",',
        "its iam= holds s3:GetObject, which no case here calls",
    ),
    "it always passes": (
        END,
        '    return passed("fine", *found)',
        "the failing case ends with PASS: fine[^$]*when green answers 500 it passes",
    ),
    "it passes when AWS does not answer": (
        "return error(str(problem))",
        "return passed(str(problem))",
        "when AWS denies ssm:GetParameter it passes",
    ),
    "it never passes": (
        END,
        '    return finding_from(found[:0], "nothing")',
        "the passing case ends with INCONCLUSIVE: nothing was looked at",
    ),
    "it passes and shows nothing": (
        END,
        '    return finding_from(found, "") if not all(each.passed for each in found) else passed("fine")',
        "it passes without evidence",
    ),
    "it crashes on what it does not expect": (
        'response.header("x-release")',
        'response.body.decode() and response.header("x-release")',
        "when green answers 200 with garbage it crashes: .*UnicodeDecodeError",
    ),
    "it crashes when AWS answers nothing": (
        '.get("Parameter", {}).get("Value")',
        '["Parameter"]["Value"]',
        "when AWS answers ssm:GetParameter with nothing it crashes: .*KeyError",
    ),
    "it never ends": (ASK, "time.sleep(60)", "it does not end in its time of 0.3 s in the passing case"),
    "it waits for an answer for ever": (
        ASK,
        "import urllib.request; urllib.request.urlopen(context.green.url, timeout=20); " + ASK,
        "when green never answers it does not end in its time",
    ),
    "it gives no finding": (END, "    return True", "the passing case ends with ERROR: the validator gave bool"),
    "it ends differently each time": (
        END,
        '    return finding_from(found if next(TURNS) % 2 else found[:0], "fine")',
        "ends differently each time",
    ),
    "its message differs each time": (
        END,
        '    return finding_from(found, f"turn {next(TURNS)}")',
        "the passing case ends differently each time: PASS: turn 1 / PASS: turn 2",
    ),
    "it shows the end of a secret": (
        END,
        '    return finding_from(found, f"asked with {params.token[-9:]}")',
        "it shows in its finding a part of a secret",
    ),
    "it spells the end of a secret in capitals": (
        END,
        '    return finding_from([*found, check_value(params.token[-9:].upper(), params.expect, "2")], "fine")',
        "it shows in its finding a part of a secret",
    ),
    "it prints a secret": (END, "    print(params.token)\n" + END, "it prints or logs a part of a secret"),
    "it logs a secret": (
        END,
        "    logging.warning('token %s', params.token)\n" + END,
        "it prints or logs a part of a secret",
    ),
    "it says nothing": ("return error(str(problem))", 'return error("")', "its finding has no message"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_plugin_that_breaks_a_promise_is_found_out(fault: str, tmp_path: Path) -> None:
    old, new, said = BAD[fault]
    text = broken(tmp_path, old, new)
    assert re.search(said, text), text


def test_all_that_is_broken_is_said_at_once(tmp_path: Path) -> None:
    text = broken(tmp_path, END, '    print(params.token)\n    return passed("fine")')
    assert len(text.splitlines()) > 6


def test_a_harmless_fault_that_there_is_not_is_a_mistake_itself(tmp_path: Path) -> None:
    text = broken(tmp_path, "Green says", "It says", harmless_faults={"rust"})
    assert (
        "harmless_faults names 'rust', which is not a fault of these cases; there are absent, closed, denied:ssm:GetParameter"
        in text
    )
    assert len(text.splitlines()) == 2


def test_parameters_that_do_not_fit_are_said_and_nothing_runs(tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(RIGHT)
    with pytest.raises(AssertionError, match=r"the parameters of the failing case are refused: .*unknown key 'expec'"):
        check_validator(file, passing=right(), failing=Case(params={"expec": "2"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 / 0", "ZeroDivisionError"), (RIGHT.replace("def release", "def other"), "holds the validator 'other'")],
)
def test_a_file_that_the_gate_would_refuse_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(text)
    with pytest.raises(MalformedError, match=said):
        load_validator(file)


def test_a_name_that_there_is_not_is_said() -> None:
    with pytest.raises(MalformedError, match="there is no validator 'htp'"):
        load_validator("htp")


def test_an_action_may_have_capitals_that_its_call_in_boto3_has_not(tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(RIGHT.replace("ssm:GetParameter", "ssm:GetPARAMETER"))
    check_validator(file, passing=right(), failing=right("3"))


def test_the_right_plugin_breaks_nothing(tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(RIGHT)
    check_validator(file, passing=right(), failing=right("3"), other_cases=[right("4")])


def test_a_plugin_of_another_protocol_that_takes_silence_for_well_is_found_out() -> None:
    def accepting(connection: socket.socket) -> None:
        connection.recv(1)

    with pytest.raises(AssertionError) as broken:
        check_validator(
            "tcp",
            passing=Case(tcp=accepting, timeout_s=0.3),
            failing=Case(params={"connect": {"lt": "0ms"}}, tcp=accepting, timeout_s=0.3),
        )

    assert "when green never answers it passes" in str(broken.value)
    assert "when green refuses connections" not in str(broken.value)
