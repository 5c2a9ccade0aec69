"""pytest: a team's own smoke suite passes against green.

`path` is a folder or file below the packed plans (beside the plan, `smoke/orders`), or `s3://bucket/key.zip`, a zip archive
that is unpacked for the run; `version` names the object's version, and outside of the plan bucket the policy given to the
template as CheckPolicyArn must allow reading it. pytest runs in a process of its own until the check's
time is over; every test that is not passed, skipped or expected to fail becomes evidence with its message. Fewer passed tests
than `minimum` (1 unless said) are no proof: INCONCLUSIVE. A suite that cannot be collected is an ERROR.

The suite finds green in its environment: GREENLIGHT_URL, GREENLIGHT_HOST (the name to ask for; "" for the URL's own),
GREENLIGHT_HEADERS (JSON; what the listener's rule asks for), GREENLIGHT_STAGE, GREENLIGHT_DEPLOYMENT,
GREENLIGHT_FUNCTION and GREENLIGHT_VERSION, and what `variables` adds; secrets by `${secret:…}`. It is a team's own code: it makes its own
connections, which the gate's guard of addresses does not see, and gets AWS credentials only with `aws: true` - those of the
hook, so say it only for suites you would let answer CodeDeploy.

pytest is not in the layer. Bring it with the suite's other libraries: add `pytest` to layers/greenlight/requirements.in and
run `make lock`, or put a layer of your own beside greenlight's that has it below python/.

Example:
    checks:
      - name: the smoke suite passes
        timeout: 60s
        pytest: {path: s3://shop-releases/smoke.zip, marker: smoke and not slow, minimum: 5}

Source: https://docs.pytest.org/en/stable/reference/exit-codes.html
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    IamRequirement,
    Params,
    error,
    failed,
    finding_from,
    inconclusive,
    validator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ARCHIVE_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_RESULT_BYTES = 20 * 1024 * 1024
MARGIN_S = 0.5
_S3 = re.compile(r"s3://([^/]+)/(.+\.zip)")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
_AWS = "AWS_"


class Pytest(Params, frozen=True, kw_only=True):
    """Which suite (`path`, of S3 also `version`), which of its tests (`marker`, `keyword`), and `minimum` passed ones.

    Attributes:
        variables: Added to the suite's environment.
        aws: Hand the hook's AWS credentials to the suite.
    """

    path: str
    version: str = ""
    marker: str = ""
    keyword: str = ""
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 1
    variables: dict[str, str] = {}
    aws: bool = False

    def __post_init__(self) -> None:
        """Refuse places outside of the plans, and variables that would change what runs."""
        if "://" in self.path and not _S3.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is no archive in S3; write s3://BUCKET/KEY.zip")
        if pathlib.PurePosixPath(self.path).is_absolute() or ".." in pathlib.PurePosixPath(self.path).parts:
            raise ValueError("path is below the folder of the plans, without a leading / and without ..")
        if self.path.startswith("-"):
            raise ValueError("path begins with -, which would be an option")
        for name in self.variables:
            if name.upper().startswith(("PYTEST", "PYTHON", "LD_", "AWS_", "GREENLIGHT_")) or name == "PATH":
                raise ValueError(f"the variable {name} is not the suite's to set")


def _needs(params: Pytest) -> Iterator[IamRequirement]:
    """Give what fetching the suite asks of AWS; what the suite itself does with `aws: true` nobody knows here."""
    if place := _S3.fullmatch(params.path):
        yield "s3:GetObjectVersion" if params.version else "s3:GetObject", f"arn:aws:s3:::{place[1]}/{place[2]}"


@validator(
    Pytest,
    iam=("s3:GetObject", "s3:GetObjectVersion"),
    iam_for=_needs,
    unsafe=True,
    remediation=(
        "Run the failed test from a laptop with GREENLIGHT_URL set to green: `pytest PATH -m MARKER`. A suite "
        "that cannot be collected lacks a library in the layer; one that was not through in time needs a longer "
        "`timeout` or fewer tests."
    ),
    cost="What the suite does; one GetObject request for a suite in S3. It runs on the hook's own memory and time.",
)
def pytest_(params: Pytest, context: Context) -> Finding:
    """A team's own smoke suite passes against green."""
    if importlib.util.find_spec("pytest") is None:
        return error(
            "pytest is not installed where the check runs; add it to layers/greenlight/requirements.in, or bring a layer that has it"
        )
    with tempfile.TemporaryDirectory(prefix="greenlight-pytest-") as folder:
        scratch = pathlib.Path(folder)
        try:
            suite = _suite(params, context, scratch / "suite")
            code, printed = _run(params, context, suite, scratch)
        except subprocess.TimeoutExpired:
            return failed("the suite was not through when the check's time was over; give it a longer timeout")
        except (GreenlightError, zipfile.BadZipFile, OSError) as problem:
            return error(f"the suite cannot be run: {problem}")
        return _judged(params, context, code, printed, scratch / "results.xml")


def _suite(params: Pytest, context: Context, target: pathlib.Path) -> pathlib.Path:
    """Give the place of the suite's files."""
    place = _S3.fullmatch(params.path)
    if place is None:
        plans = os.environ.get("GREENLIGHT_PLAN_FOLDER") or os.path.join(
            os.environ.get("LAMBDA_TASK_ROOT", "."), "plans"
        )
        found = pathlib.Path(plans, params.path).resolve()
        if not found.exists() or not found.is_relative_to(pathlib.Path(plans).resolve()):
            raise GreenlightError(f"there is no {params.path} in the folder of the plans ({plans})")
        return found
    wanted: dict[str, Any] = {"Bucket": place[1], "Key": place[2]}
    if params.version:
        wanted["VersionId"] = params.version
    raw = context.aws_call("s3", "get_object", **wanted)["Body"].read(MAX_ARCHIVE_BYTES + 1)
    if len(raw) > MAX_ARCHIVE_BYTES:
        raise GreenlightError(f"{params.path} is larger than {MAX_ARCHIVE_BYTES} bytes")
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(each.file_size for each in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise GreenlightError(f"{params.path} unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        archive.extractall(target)  # zipfile itself takes .. and leading / out of names
    return target


def _run(params: Pytest, context: Context, suite: pathlib.Path, scratch: pathlib.Path) -> tuple[int, str]:
    """Run pytest; give its exit code and the end of what it printed.

    It stays in the worker's process group, so that it ends with the worker, whatever happens here.
    """
    command = [sys.executable, "-m", "pytest", str(suite), f"--junitxml={scratch / 'results.xml'}"]
    command += ["-q", "--tb=short", "-p", "no:cacheprovider", f"--rootdir={suite if suite.is_dir() else suite.parent}"]
    command += ["-m", params.marker] if params.marker else []
    command += ["-k", params.keyword] if params.keyword else []
    with (scratch / "printed").open("wb+") as printed:
        process = subprocess.Popen(
            command,
            cwd=suite if suite.is_dir() else suite.parent,
            env=_environment(params, context, scratch),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait(max(0.1, context.remaining_s() - MARGIN_S))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        printed.seek(max(0, printed.tell() - 4000))
        return code, printed.read().decode(errors="replace")


def _environment(params: Pytest, context: Context, scratch: pathlib.Path) -> dict[str, str]:
    """Give what the suite may know: green, its own variables, and of the hook only what running needs."""
    deployment, green = context.deployment, context.green
    kept = {
        name: value for name, value in os.environ.items() if name in _KEPT or (params.aws and name.startswith(_AWS))
    }
    return {
        **kept,
        **params.variables,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GREENLIGHT_URL": green.url,
        "GREENLIGHT_HOST": green.host,
        "GREENLIGHT_HEADERS": json.dumps(green.headers),
        "GREENLIGHT_STAGE": deployment.stage,
        "GREENLIGHT_DEPLOYMENT": deployment.id,
        "GREENLIGHT_FUNCTION": deployment.function,
        "GREENLIGHT_VERSION": green.version,
    }


def _judged(params: Pytest, context: Context, code: int, printed: str, results: pathlib.Path) -> Finding:
    cases = _cases(results)
    last = context.excerpt(printed, 4000)[-400:]  # cut only when secrets are out of it
    if code not in (0, 1, 5) or cases is None:
        return error(f"pytest ended with {code} and without results that count; it said last: {last}")
    found = [each for each in (_evidence(case) for case in cases) if each is not None]
    wrong = [each for each in found if not each.passed]
    passed = len(found) - len(wrong)
    said = f"{passed} of {len(cases)} tests passed, {len(cases) - len(found)} were skipped"
    ordered = [*wrong, *(each for each in found if each.passed)]  # the report keeps the first ones
    if wrong:
        return failed(
            f"{len(wrong)} of {len(cases)} tests failed; the first: {finding_from(wrong[:1], '').message}", *ordered
        )
    if code == 1:
        return error(f"pytest says that tests failed, and its results name none; it said last: {last}")
    if passed < params.minimum:
        return inconclusive(f"{said}, fewer than the {params.minimum} that minimum asks for", *ordered)
    return finding_from(ordered, said)


def _cases(results: pathlib.Path) -> list[ET.Element] | None:
    """Read the results; None when there are none that can be read."""
    try:
        if results.stat().st_size > MAX_RESULT_BYTES:
            return None
        text = results.read_text(encoding="utf-8")
        # The suite could write this file itself; entities, which could fill memory, need a document type, and JUnit has none.
        return None if "<!DOCTYPE" in text else list(ET.fromstring(text).iter("testcase"))  # noqa: S314
    except (OSError, ET.ParseError, UnicodeDecodeError):
        return None


def _evidence(case: ET.Element) -> Evidence | None:
    """Turn a test into evidence; one that was skipped, or failed as expected, is none."""
    name = f"{case.get('classname')}::{case.get('name')}"
    if case.find("skipped") is not None:
        return None
    for kind in ("failure", "error"):
        if (problem := case.find(kind)) is not None:
            said = problem.get("message") or (problem.text or "").strip() or kind
            return Evidence(query=name, expected="passed", actual=said[:2000])
    return Evidence(query=name, expected="passed", actual="passed", passed=True)
