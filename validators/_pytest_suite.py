"""Suites for `pytest`: finding them, running them in a separate process, and reading the results."""

from __future__ import annotations

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree as ET
import zipfile
from typing import Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    failed,
    finding_from,
    inconclusive,
)

MAX_ARCHIVE_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_RESULT_BYTES = 20 * 1024 * 1024
MARGIN_S = 0.5
S3_ARCHIVE = re.compile(r"s3://([^/]+)/(.+\.zip)")
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
_PROXIED = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_DIRECT = ("NO_PROXY", "no_proxy")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_RESERVED = ("PYTEST", "PYTHON", "LD_", "AWS_", "GREENLIGHT_")


class Pytest(Params, frozen=True, kw_only=True):
    """The suite, and which of its tests run.

    Attributes:
        path: Folder or file below the packed plans, or s3://BUCKET/KEY.zip.
        version: Version of the object in S3.
        marker: Expression of markers, as with `-m`.
        keyword: Expression of names, as with `-k`.
        minimum: Minimum number of tests that must pass.
        variables: Added to the suite's environment.
        aws: Pass the hook's AWS credentials to the suite.
    """

    path: str
    version: str = ""
    marker: str = ""
    keyword: str = ""
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 1
    variables: dict[str, str] = {}
    aws: bool = False

    def __post_init__(self) -> None:
        """Reject paths outside of the plans, and variables that would change what runs."""
        if "://" in self.path and not S3_ARCHIVE.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is not an archive in S3; write s3://BUCKET/KEY.zip")
        if pathlib.PurePosixPath(self.path).is_absolute() or ".." in pathlib.PurePosixPath(self.path).parts:
            raise ValueError("path is below the folder of the plans, without a leading / and without ..")
        if self.path.startswith("-"):
            raise ValueError("path begins with -, which would be an option")
        for name in self.variables:
            if name.upper().startswith(_RESERVED) or name == "PATH":
                raise ValueError(f"the variable {name} is reserved; the suite cannot set it")


def find_suite(params: Pytest, context: Context, target: pathlib.Path) -> pathlib.Path:
    """Return the suite's path among the plans, or unpack its archive from S3 into `target`.

    Raises:
        GreenlightError: There is no such suite, it is too large, or AWS refused or did not answer.
        BadZipFile: It is not a zip archive.
    """
    archive = S3_ARCHIVE.fullmatch(params.path)
    if archive is None:
        plans = os.environ.get("GREENLIGHT_PLAN_FOLDER") or os.path.join(
            os.environ.get("LAMBDA_TASK_ROOT", "."), "plans"
        )
        suite = pathlib.Path(plans, params.path).resolve()
        if not suite.exists() or not suite.is_relative_to(pathlib.Path(plans).resolve()):
            raise GreenlightError(f"there is no {params.path} in the folder of the plans ({plans})")
        return suite
    call: dict[str, Any] = {"Bucket": archive[1], "Key": archive[2]}
    if params.version:
        call["VersionId"] = params.version
    raw = context.aws_call("s3", "get_object", **call)["Body"].read(MAX_ARCHIVE_BYTES + 1)
    if len(raw) > MAX_ARCHIVE_BYTES:
        raise GreenlightError(f"{params.path} is larger than {MAX_ARCHIVE_BYTES} bytes")
    with zipfile.ZipFile(io.BytesIO(raw)) as zip_file:
        if sum(member.file_size for member in zip_file.infolist()) > MAX_UNPACKED_BYTES:
            raise GreenlightError(f"{params.path} unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        zip_file.extractall(target)  # zipfile itself removes .. and a leading / from names
    return target


def run_suite(params: Pytest, context: Context, suite: pathlib.Path, scratch: pathlib.Path) -> tuple[int, str]:
    """Run pytest; return its exit code and the end of its output.

    It stays in the worker's process group, so that it ends with the worker in any case.

    Raises:
        TimeoutExpired: The check's time was over first; pytest was killed.
    """
    folder = suite if suite.is_dir() else suite.parent
    command = [sys.executable, "-m", "pytest", str(suite), f"--junitxml={scratch / 'results.xml'}"]
    command += ["-q", "--tb=short", "-p", "no:cacheprovider", f"--rootdir={folder}"]
    command += ["-m", params.marker] if params.marker else []
    command += ["-k", params.keyword] if params.keyword else []
    with (scratch / "output").open("wb+") as output, context.proxy(aws=params.aws) as proxy:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(params, context, scratch, proxy),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait(max(0.1, context.remaining_s() - MARGIN_S))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(max(0, output.tell() - 4000))
        return code, output.read().decode(errors="replace")


def _environment(params: Pytest, context: Context, scratch: pathlib.Path, proxy: str) -> dict[str, str]:
    """Return green's facts, the suite's own variables, and of the hook's environment only what pytest needs."""
    deployment, green = context.deployment, context.green
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or (params.aws and name.startswith("AWS_"))
    }
    return {
        **inherited,
        **dict.fromkeys(_PROXIED, proxy),
        **params.variables,
        **dict.fromkeys(_DIRECT, _direct_hosts(params, context)),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GREENLIGHT_URL": green.url,
        "GREENLIGHT_HOST": green.host,
        "GREENLIGHT_HEADERS": json.dumps(green.headers),
        "GREENLIGHT_STAGE": deployment.stage,
        "GREENLIGHT_DEPLOYMENT": deployment.id,
        "GREENLIGHT_FUNCTION": deployment.function,
        "GREENLIGHT_VERSION": green.version,
    }


def _direct_hosts(params: Pytest, context: Context) -> str:
    """Return the hosts that the suite asks without the gate's proxy: servers of its own, and those that it names."""
    host = urllib.parse.urlsplit(context.green.url).hostname or ""
    own_hosts = [name for name in _LOCAL_HOSTS if name != host]
    return ",".join([*own_hosts, *filter(None, (params.variables.get(name) for name in _DIRECT))])


def decide_finding(params: Pytest, context: Context, code: int, output: str, results: pathlib.Path) -> Finding:
    """Turn pytest's exit code and its JUnit results into a finding."""
    cases = _read_cases(results)
    last_output = context.excerpt(output, 4000)[-400:]  # shortened only after secrets are redacted
    if code not in (0, 1, 5) or cases is None:
        return error(f"pytest ended with {code} and without usable results; its last output: {last_output}")
    tests = [result for result in map(_evidence, cases) if result is not None]
    failures = [result for result in tests if not result.passed]
    passes = [result for result in tests if result.passed]
    ordered = [*failures, *passes]  # the report keeps only the first ones
    if failures:
        first = finding_from(failures[:1], "").message
        return failed(f"{len(failures)} of {len(cases)} tests failed; the first: {first}", *ordered)
    if code == 1:
        return error(f"pytest reports failed tests, but its results have none; its last output: {last_output}")
    summary = f"{len(passes)} of {len(cases)} tests passed, {len(cases) - len(tests)} were skipped"
    if len(tests) < len(cases):
        summary += "; not covered: the skipped tests"
    if len(passes) < params.minimum:
        return inconclusive(f"{summary}, fewer than the {params.minimum} that minimum asks for", *ordered)
    return finding_from(ordered, f"{summary}{_describe_missing_evidence(context)}")


def _describe_missing_evidence(context: Context) -> str:
    """Return why the suite is not evidence of green, and what to do; "" if it is."""
    if context.has_asked_green():
        return ""
    if not context.green.url:
        return "; green has no URL, so the gate cannot see whether the suite asked it: write a check that asks green"
    return (
        "; the gate saw no answer of green to the suite, so it is not evidence of green: let the suite ask "
        "GREENLIGHT_URL through HTTPS_PROXY or HTTP_PROXY, as most clients do, or write a check that asks green"
    )


def _read_cases(results: pathlib.Path) -> list[ET.Element] | None:
    """Read the results; None if the file is missing or unreadable."""
    try:
        if results.stat().st_size > MAX_RESULT_BYTES:
            return None
        text = results.read_text(encoding="utf-8")
        # The suite could write this file itself. Entities could fill the memory; they need a document type, which JUnit
        # files do not have.
        return None if "<!DOCTYPE" in text else list(ET.fromstring(text).iter("testcase"))  # noqa: S314
    except (OSError, ET.ParseError, UnicodeDecodeError):
        return None


def _evidence(case: ET.Element) -> Evidence | None:
    """Turn a test into evidence; None for a test that was skipped, or failed as expected."""
    name = f"{case.get('classname')}::{case.get('name')}"
    if case.find("skipped") is not None:
        return None
    for kind in ("failure", "error"):
        if (problem := case.find(kind)) is not None:
            reason = problem.get("message") or (problem.text or "").strip() or kind
            return Evidence(query=name, expected="passed", actual=reason[:2000])
    return Evidence(query=name, expected="passed", actual="passed", passed=True)
