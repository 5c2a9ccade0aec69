"""identity: green runs exactly the build: the image's digest, or the code's SHA-256, is the expected one.

For ECS every running task of green must run the digest, as ECS reports it for the container. For Lambda it is the
version's CodeSha256, which for a container image is the image's digest. The build provides the expected value,
usually by a variable.

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

from greenlight.api import Context, Evidence, Finding, Params, finding_from, inconclusive, validator

from ._images import running_digests

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Identity(Params, frozen=True, kw_only=True):
    """The expected digest.

    Attributes:
        sha256: The digest in hex (with or without `sha256:`) or base64, or a list of allowed digests.
        container: The container to check (ECS); all by default, so name it if there are sidecars.
    """

    sha256: str | list[str]
    container: str = ""

    def __post_init__(self) -> None:
        """Reject values that are not SHA-256 digests."""
        if not self.allowed():
            raise ValueError("sha256 is an empty list; write the digest that was built")
        for digest in self.allowed():
            if "${" not in digest and not _to_hex(digest):
                raise ValueError(
                    f"{digest!r} is not a valid SHA-256; write 64 hexadecimal digits, or base64 as Lambda shows it"
                )

    def allowed(self) -> list[str]:
        """Return all allowed digests."""
        return [self.sha256] if isinstance(self.sha256, str) else self.sha256


@validator(
    Identity,
    stages=("AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
    iam=("ecs:ListTasks", "ecs:DescribeTasks", "lambda:GetFunctionConfiguration"),
    remediation=(
        "Compare the digest in the finding with the one that the build printed. The cause is a tag that was pushed "
        "again, a build other than the released one, or an old value in the plan. Pin images by digest, and pass the "
        "digest from the build to the plan."
    ),
    cost=(
        "One GetFunctionConfiguration request, or one ListTasks and one DescribeTasks request for each hundred "
        "tasks; nothing reaches green."
    ),
)
def identity(params: Identity, context: Context) -> Finding:
    """Green runs exactly the build."""
    allowed = {_to_hex(digest) for digest in params.allowed()}
    evidence = [
        Evidence(
            query=f"sha256 of {name}",
            expected=params.sha256,
            actual=digest or "not known",
            passed=bool(_to_hex(digest)) and _to_hex(digest) in allowed,
        )
        for name, digest in running_digests(context, params.container)
    ]
    if not evidence:
        suffix = f" with a container {params.container!r}" if params.container else ""
        return inconclusive(f"green has no running task{suffix}, so its digest is not known")
    return finding_from(evidence, f"{len(evidence)} of {len(evidence)} run the expected build")


def _to_hex(digest: str) -> str:
    """Convert a SHA-256 to hexadecimal digits; return "" for anything else."""
    text = digest.removeprefix("sha256:")
    if _HEX.fullmatch(text.lower()):
        return text.lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == 32 else ""
