"""identity: what runs as green is what was built, byte for byte: the image's digest, or the code's SHA-256.

For ECS every running task of green must run the digest (as ECS reports it for the container, not as the task
definition writes it); for Lambda it is the version's CodeSha256, which for a function made of an image is the image's
digest. The expected value comes from the build, usually by a variable. moto starts no tasks, so the tests use answers
written down.

Example:
    checks:
      - name: green is what was built
        identity: {sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", container: app}

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html (imageDigest);
https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html (CodeSha256)
"""

from __future__ import annotations

import base64
import binascii
import re

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    finding_from,
    inconclusive,
    list_service_tasks,
    validator,
)

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Identity(Params, frozen=True, kw_only=True):
    """`sha256` in hex (with `sha256:` or without) or base64, or a list of those allowed; `container` to look at (ECS).

    Without `container` every container with an image digest counts, so name it where there are sidecars.
    """

    sha256: str | list[str]
    container: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no SHA-256."""
        if not self.allowed():
            raise ValueError("sha256 is an empty list; write the digest that was built")
        for written in self.allowed():
            if "${" not in written and not _hex(written):
                raise ValueError(
                    f"{written!r} is no SHA-256; write 64 hexadecimal digits, or base64 as Lambda shows it"
                )

    def allowed(self) -> list[str]:
        """Give all digests that are right."""
        return [self.sha256] if isinstance(self.sha256, str) else self.sha256


@validator(
    Identity,
    stages=("AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("ecs:ListTasks", "ecs:DescribeTasks", "lambda:GetFunctionConfiguration"),
    remediation=(
        "Compare the digest in the finding with what the build printed. A tag that was pushed again, a build that "
        "was not the one released, or a plan with an old value explain it; pin images by digest, and hand the "
        "digest from the build to the plan."
    ),
    cost=(
        "One GetFunctionConfiguration request, or one ListTasks and one DescribeTasks request for each hundred "
        "tasks; nothing reaches green."
    ),
)
def identity(params: Identity, context: Context) -> Finding:
    """What runs as green is what was built."""
    wanted = {_hex(each) for each in params.allowed()}
    try:
        running = _function(context) if context.deployment.platform == "lambda" else _containers(context, params)
    except GreenlightError as problem:
        return error(str(problem))
    found = [
        Evidence(
            query=f"sha256 of {name}",
            expected=params.sha256,
            actual=digest or "not known",
            passed=bool(_hex(digest)) and _hex(digest) in wanted,
        )
        for name, digest in running
    ]
    if not found:
        which = f" with a container {params.container!r}" if params.container else ""
        return inconclusive(f"green has no running task{which}, so nothing shows what it is made of")
    return finding_from(found, f"{len(found)} of {len(found)} run what was built")


def _hex(written: str) -> str:
    """Give a SHA-256 as hexadecimal digits; "" for anything else."""
    text = written.removeprefix("sha256:")
    if _HEX.fullmatch(text.lower()):
        return text.lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == 32 else ""


def _function(context: Context) -> list[tuple[str, str]]:
    function, version = context.deployment.function, context.green.version
    answer = context.aws_call("lambda", "get_function_configuration", FunctionName=function, Qualifier=version)
    return [(f"{function}:{version}", str(answer.get("CodeSha256", "")))]


def _containers(context: Context, params: Identity) -> list[tuple[str, str]]:
    """Give the digest of each container that counts, of every running task of green."""
    if not context.green.task_set:
        raise GreenlightError(f"green has no task set at {context.deployment.stage}")
    return [
        (f"{each.get('name')} in task {str(task.get('taskArn')).rpartition('/')[2]}", str(each.get("imageDigest", "")))
        for task in list_service_tasks(context, "RUNNING")
        if task.get("startedBy") == context.green.task_set and task.get("lastStatus") == "RUNNING"
        for each in task.get("containers", [])
        if params.container in ("", each.get("name"))
    ]
