"""The conformance kit finds each of these faults in a plugin that is otherwise correct, and none in a correct one."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.checks.registry import MalformedError
from greenlight.testing import Case, StubbedAws, check_validator, load_validator

if TYPE_CHECKING:
    from pathlib import Path

CORRECT = '''
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

from greenlight.api import Context, Expectation, Finding, GreenlightError, Params, validator
from greenlight.api import error, check_value, finding_from, passed

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
    release = response.header("x-release")
    found = [check_value("x-release", params.expect, release), check_value("kept", params.expect, kept)]
    return finding_from(found, "green is this release")
'''.lstrip()


def answer(_method: str, path: str, _body: bytes) -> tuple[int, dict[str, str], Any]:
    return 200, {"x-release": "2"}, {"path": path}


def kept(aws: StubbedAws) -> None:
    aws.add_response("ssm", "get_parameter", {"Parameter": {"Value": "2"}}, {"Name": "/shop/release"})


def correct_case(expect: str = "2", **more: Any) -> Case:
    return Case(params={"expect": expect, "token": "abc"}, green=answer, aws=kept, timeout_s=0.3, **more)


def message_about(folder: Path, old: str, new: str, **more: Any) -> str:
    """Return the kit's message about the correct plugin with `old` replaced by `new`."""
    assert old in CORRECT
    file = folder / "release.py"
    file.write_text(CORRECT.replace(old, new))
    with pytest.raises(AssertionError, match=r"release breaks \d+ promise") as caught:
        check_validator(file, passing=correct_case(), failing=correct_case("3"), **more)
    return str(caught.value)


ASK = 'response = context.request("GET", "/", headers={"authorization": params.token})'
END = '    return finding_from(found, "green is this release")'

FAULTS = {
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
    "its docstring does not begin with its name": ('"""release: green', '"""Green', "must begin with 'release: '"),
    "its parameters have no docstring": (
        '    """What the header',
        '    # """What the header',
        "Release needs a docstring",
    ),
    "it has no example": ("Example:", "Such as:", "has no 'Example:'"),
    "its example is not a valid plan": (
        'release: {expect: "2"',
        'release: {expects: "2"',
        "the example in its docstring is not a valid plan: .*did you mean 'expect'",
    ),
    "its example uses another validator": (
        '        release: {expect: "2", token',
        '        releases: {expect: "2", token',
        "is not a valid plan: .*there is no validator 'releases'",
    ),
    "it has no remediation": (', remediation="Look at what was deployed."', "", "remediation= is empty"),
    "its IAM action is not valid": (
        "ssm:GetParameter",
        "ssm:get_parameter",
        "holds 'ssm:get_parameter', which is not an IAM action",
    ),
    "it calls an action that it does not declare": (
        'iam=("ssm:GetParameter",), ',
        "",
        "it calls ssm:GetParameter and its iam= does not say so",
    ),
    "it declares an action that it does not call": (
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
        "the passing case ends with INCONCLUSIVE: nothing was checked",
    ),
    "it passes without evidence": (
        END,
        '    return finding_from(found, "") if not all(each.passed for each in found) else passed("fine")',
        "it passes without evidence",
    ),
    "it crashes on an unexpected response": (
        'response.header("x-release")',
        'response.body.decode() and response.header("x-release")',
        "when green answers 200 with garbage it crashes: .*UnicodeDecodeError",
    ),
    "it crashes on an empty result of AWS": (
        '.get("Parameter", {}).get("Value")',
        '["Parameter"]["Value"]',
        "when AWS answers ssm:GetParameter with nothing it crashes: .*KeyError",
    ),
    "it never ends": (ASK, "time.sleep(60)", "it does not end in its time of 0.3 s in the passing case"),
    "it waits for a response without a time limit": (
        ASK,
        "import urllib.request; urllib.request.urlopen(context.green.url, timeout=20); " + ASK,
        "when green never answers it does not end in its time",
    ),
    "it returns no finding": (END, "    return True", "the passing case ends with ERROR: the validator returned bool"),
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
    "it has no message": ("return error(str(problem))", 'return error("")', "its finding has no message"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_a_plugin_is_reported(fault: str, tmp_path: Path) -> None:
    old, new, message = FAULTS[fault]
    text = message_about(tmp_path, old, new)
    assert re.search(message, text), text


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    text = message_about(tmp_path, END, '    print(params.token)\n    return passed("fine")')
    assert len(text.splitlines()) > 6


def test_unknown_harmless_fault_is_reported(tmp_path: Path) -> None:
    text = message_about(tmp_path, "Green says", "It says", harmless_faults={"rust"})
    assert (
        "harmless_faults names 'rust', which is not a fault of these cases; "
        "there are absent, closed, denied:ssm:GetParameter" in text
    )
    assert len(text.splitlines()) == 2


def test_invalid_parameters_are_reported_and_nothing_runs(tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(CORRECT)
    with pytest.raises(AssertionError, match=r"the parameters of the failing case are refused: .*unknown key 'expec'"):
        check_validator(file, passing=correct_case(), failing=Case(params={"expec": "2"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [("1 / 0", "ZeroDivisionError"), (CORRECT.replace("def release", "def other"), "contains the validator 'other'")],
)
def test_file_that_a_gate_would_reject_is_rejected(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(text)
    with pytest.raises(MalformedError, match=message):
        load_validator(file)


def test_unknown_name_is_reported() -> None:
    with pytest.raises(MalformedError, match="there is no validator 'htp'"):
        load_validator("htp")


def test_action_may_have_other_capitals_than_its_call_in_boto3(tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(CORRECT.replace("ssm:GetParameter", "ssm:GetPARAMETER"))
    check_validator(file, passing=correct_case(), failing=correct_case("3"))


def test_correct_plugin_has_no_faults(tmp_path: Path) -> None:
    file = tmp_path / "release.py"
    file.write_text(CORRECT)
    check_validator(file, passing=correct_case(), failing=correct_case("3"), other_cases=[correct_case("4")])


def test_plugin_of_another_protocol_that_passes_without_a_response_is_reported() -> None:
    def accepting(connection: socket.socket) -> None:
        connection.recv(1)

    with pytest.raises(AssertionError) as caught:
        check_validator(
            "tcp",
            passing=Case(tcp=accepting, timeout_s=0.3),
            failing=Case(params={"connect": {"lt": "0ms"}}, tcp=accepting, timeout_s=0.3),
        )

    assert "when green never answers it passes" in str(caught.value)
    assert "when green refuses connections" not in str(caught.value)


def test_file_can_import_a_helper_module_beside_it(tmp_path: Path) -> None:
    (tmp_path / "_words.py").write_text('MESSAGE = "green is this release"\n')
    text = CORRECT.replace("import itertools\n", "import itertools\nfrom ._words import MESSAGE\n").replace(
        '"green is this release"', "MESSAGE"
    )
    (tmp_path / "release.py").write_text(text)

    assert load_validator(tmp_path / "release.py").name == "release"
