"""pytest: a team's own smoke suite passes against green.

`path` is a folder or file below the packed plans (beside the plan, `smoke/orders`), or `s3://bucket/key.zip`, a zip
archive that is unpacked for the run; `version` is the object's version. Outside of the plan bucket, the policy in the
template's CheckPolicyArn must allow reading it. pytest runs in a process of its own until the check's time is over.
Every test becomes evidence with its message, except skipped tests and expected failures. Fewer passed tests than
`minimum` are INCONCLUSIVE. A suite that cannot be collected is an ERROR.

The suite's environment describes green: GREENLIGHT_URL, GREENLIGHT_HOST (the host name to use; "" for the URL's own),
GREENLIGHT_HEADERS (JSON; what the listener's rule requires), GREENLIGHT_STAGE, GREENLIGHT_DEPLOYMENT,
GREENLIGHT_FUNCTION and GREENLIGHT_VERSION, and `variables`; secrets by `${secret:…}`. It gets AWS credentials only
with `aws: true`, and these are the hook's: use that only for suites that you would let answer CodeDeploy. Without it
the suite finds none in its environment, and Linux denies it the environment and the memory of the hook and the worker.

A suite is evidence of green if the gate sees green answer it. HTTP_PROXY and HTTPS_PROXY name a proxy of the gate's own
on loopback, which requests, httpx, urllib, curl and botocore use by themselves (aiohttp with `trust_env=True`). It
passes host names, certificates and HTTP/2 on as they are, and connects only to hosts that checks may call, with
`aws: true` also to AWS; name others in AllowedHosts, or in NO_PROXY below `variables`. Plain HTTP counts as for `http`.
An answer in TLS counts if green's listener passes TLS on, or has no rules and then answers a GET of the health check's
path by the gate itself. The finding of any other suite that passes says that it is not evidence: then write a check
that asks green beside it, or the stage's `accepts`.

pytest is not in the layer. Install it with the suite's other libraries: add `pytest` to
layers/greenlight/requirements.in and run `make lock`, or add a layer of your own that contains it below python/.

Example:
    checks:
      - name: the smoke suite passes
        timeout: 60s
        pytest: {path: s3://shop-releases/smoke.zip, marker: smoke and not slow, minimum: 5}

Source: https://docs.pytest.org/en/stable/reference/exit-codes.html
"""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import tempfile
import zipfile
from typing import TYPE_CHECKING

from greenlight.api import Context, Finding, GreenlightError, IamRequirement, error, out_of_time, validator

from ._pytest_suite import S3_ARCHIVE, Pytest, decide_finding, find_suite, run_suite

if TYPE_CHECKING:
    from collections.abc import Iterator


def _iam_of(params: Pytest) -> Iterator[IamRequirement]:
    """Yield the action that fetches the suite; the actions of a suite with `aws: true` are unknown."""
    if archive := S3_ARCHIVE.fullmatch(params.path):
        action = "s3:GetObjectVersion" if params.version else "s3:GetObject"
        yield action, f"arn:aws:s3:::{archive[1]}/{archive[2]}"


@validator(
    Pytest,
    iam=("s3:GetObject", "s3:GetObjectVersion"),
    iam_for=_iam_of,
    unsafe=True,
    remediation=(
        "Run the failed test from a laptop with GREENLIGHT_URL set to green: `pytest PATH -m MARKER`. If the suite "
        "cannot be collected, the layer lacks a library. If it did not end in time, use a longer `timeout` or fewer "
        "tests."
    ),
    cost=(
        "The requests of the suite, and at most one more to green; one GetObject request for a suite in S3. It uses "
        "the hook's own memory and time."
    ),
)
def pytest_(params: Pytest, context: Context) -> Finding:
    """A team's own smoke suite passes against green."""
    if importlib.util.find_spec("pytest") is None:
        return error(
            "pytest is not installed where the check runs; add it to layers/greenlight/requirements.in, "
            "or add a layer that contains it"
        )
    with tempfile.TemporaryDirectory(prefix="greenlight-pytest-") as folder:
        scratch = pathlib.Path(folder)
        try:
            suite = find_suite(params, context, scratch / "suite")
            code, output = run_suite(params, context, suite, scratch)
        except subprocess.TimeoutExpired:
            message = "the suite did not end before the check's time was over"
            return out_of_time(message, ends_with_gate=context.ends_with_gate)
        except (GreenlightError, zipfile.BadZipFile, OSError) as problem:
            return error(f"the suite cannot be run: {problem}")
        return decide_finding(params, context, code, output, scratch / "results.xml")
