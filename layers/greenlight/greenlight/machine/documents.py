"""The documents of one gate, which its functions pass to one another in the report bucket, below `gates/NAME/`.

The state machine carries references only. Each has the version and the digest of its document, so that code of a
plugin, which may write findings of its own shard, cannot change what another function reads.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from greenlight.aws.repeat import repeat_transient
from greenlight.checks.hand_over import WaitingCheck
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import SHIFT, STAGES, Deployment
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.finding import Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.core.verdict import Reason
from greenlight.gate.hold import OpenHold
from greenlight.gate.result import GateResult
from greenlight.gate.worker_pipe import ProblemMessage
from greenlight.plan.schema import Target
from greenlight.plan.shadow import Shadow

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

FOLDER = "gates/"
RESULT = "result"
"""Name of the document with the verdict, which only the function of `conclude.py` may write."""

MAX_NAME_LENGTH = 100
"""Longest name of an application or a deployment group that CodeDeploy accepts."""

UNKNOWN = "unknown"
"""Deployment id in the report of a gate whose deployment was not found."""

MAX_BYTES = 64 * 1024 * 1024
WRITE_S = 20.0
"""Time in which a write is repeated after transient errors."""

T = TypeVar("T", bound=msgspec.Struct)


class DocumentError(GreenlightError):
    """A document is missing, changed or not valid."""


class MachineGate(FrozenStruct, frozen=True, kw_only=True):
    """Identity of a gate, without the execution id, which only the state machine needs.

    Attributes:
        name: Name of the state machine's execution. A hook uses the first 40 digits of the execution id's SHA-256.
        deployment: CodeDeploy's deployment id; "" for the latest one of `application` and `group`.
        stage: Lifecycle event.
        answer: `return` if the output of the state machine is the only answer; "" if CodeDeploy waits for it.
        application: CodeDeploy application of a gate without a deployment id.
        group: Its deployment group.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z")]
    deployment: Annotated[str, msgspec.Meta(pattern=r"^(d-[A-Za-z0-9-]{1,80})?\Z")] = ""
    stage: str
    answer: Literal["", "return"] = ""
    application: Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)] = ""
    group: Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)] = ""

    def __post_init__(self) -> None:
        """Reject a gate that does not name exactly one deployment.

        Raises:
            ValueError: The stage does not exist, or the names do not determine a deployment.
        """
        is_watch = self.stage == SHIFT and not self.is_called
        if self.stage not in STAGES and not is_watch:
            raise ValueError(f"{self.stage!r} is not a stage; write one of {', '.join(STAGES)}")
        if not self.is_called:
            if not self.deployment or self.application or self.group:
                raise ValueError("a gate for which CodeDeploy waits names its deployment alone")
        elif bool(self.deployment) == bool(self.application and self.group) or (
            self.deployment and (self.application or self.group)
        ):
            raise ValueError("name either the deployment, or the application and its deployment group")

    @property
    def is_called(self) -> bool:
        """Whether a caller other than CodeDeploy waits for the verdict."""
        return self.answer == "return"

    @property
    def deployment_id(self) -> str:
        """The deployment id; `unknown` until it was looked up."""
        return self.deployment or UNKNOWN

    def digest(self) -> str:
        """Return the fingerprint of the execution id for the log."""
        return self.name[:12]


class Reference(FrozenStruct, frozen=True, kw_only=True):
    """One version of a document."""

    key: str
    version: str
    sha256: str


class PlanText(FrozenStruct, frozen=True, kw_only=True):
    """Text of a plan or a fragment, as it was read."""

    uri: str
    version_id: str
    text: str


class GateDocument(FrozenStruct, frozen=True, kw_only=True):
    """A gate after its preparation.

    Attributes:
        deployment: The discovered deployment, with the plan's target.
        started_at: Unix time of the start, in seconds.
        until: Unix time at which all checks have ended, in seconds.
        plan: The plan's text; None if the default checks run.
        fragments: Texts of the fragments that the plan includes.
        target: Target of the plan, for default checks in place of a stage that the plan does not have.
        shadow: The plan's shadow.
        is_watched: The plan watches the shift of the traffic.
        shards: Names of the checks of each shard.
        waves: Numbers of the shards that run at the same time, wave after wave.
        result: The result of a gate that runs no checks; None for others.
    """

    deployment: Deployment
    started_at: float
    until: float = 0.0
    plan: PlanText | None = None
    fragments: tuple[PlanText, ...] = ()
    target: Target | None = None
    shadow: Shadow | None = None
    is_watched: bool = False
    shards: tuple[tuple[str, ...], ...] = ()
    waves: tuple[tuple[int, ...], ...] = ()
    result: GateResult | None = None

    def concurrency(self, shard: int, total: int) -> int:
        """Return the share of a shard in the checks that run at once, at least 1."""
        beside = next((len(wave) for wave in self.waves if shard in wave), 1)
        return max(1, total // beside)


class ShardDocument(FrozenStruct, frozen=True, kw_only=True):
    """The results of one shard so far.

    Attributes:
        findings: Findings of its finished checks.
        waiting: Checks that wait for their next attempt.
        problems: Problems of a plan that the worker rejected.
        failure: Why no check could be run, such as a secret that cannot be read; None if they ran.
        output: Last lines that validators printed, redacted.
    """

    findings: tuple[Finding, ...] = ()
    waiting: tuple[WaitingCheck, ...] = ()
    problems: tuple[ProblemMessage, ...] = ()
    failure: Reason | None = None
    output: str = ""


class JudgedDocument(FrozenStruct, frozen=True, kw_only=True):
    """A gate with its verdict.

    Attributes:
        result: The result.
        started_at: Unix time of the start, in seconds.
        duration_ms: Time from the start to the verdict.
        is_watched: The plan watches the shift of the traffic.
    """

    result: GateResult
    started_at: float
    duration_ms: float
    is_watched: bool = False


class HeldDocument(FrozenStruct, frozen=True, kw_only=True):
    """A gate whose checks have passed, and that waits for an approval; `is_watched` as in `JudgedDocument`."""

    held: OpenHold
    is_watched: bool = False


class Documents:
    """The documents of one gate."""

    def __init__(self, aws: Aws, bucket: str, gate: str) -> None:
        """Store documents in `bucket`, below the folder of `gate`."""
        self._aws, self._bucket, self._folder = aws, bucket, f"{FOLDER}{gate}/"

    def write(self, name: str, document: msgspec.Struct) -> Reference:
        """Write a document and return the reference to this version.

        Raises:
            AwsError: S3 denied the call or did not respond.
            DocumentError: The bucket has no versions.
        """
        body, key = msgspec.json.encode(document, enc_hook=repr), f"{self._folder}{name}.json"

        def put() -> dict[str, Any]:
            return self._aws.call(
                "s3", "put_object", Bucket=self._bucket, Key=key, Body=body, ContentType="application/json"
            )

        # A second write makes a second version, and the reference names the one that was confirmed.
        response = repeat_transient(put, time.monotonic() + WRITE_S, SYSTEM_CLOCK)
        version = response.get("VersionId") or ""
        if version in ("", "null"):
            raise DocumentError(f"the bucket {self._bucket} has no versions, so what a gate has found could be changed")
        return Reference(key=key, version=version, sha256=hashlib.sha256(body).hexdigest())

    def read(self, reference: Reference, kind: type[T]) -> T:
        """Read exactly the version that `reference` names.

        Raises:
            AwsError: S3 denied the call or did not respond.
            DocumentError: The document belongs to another gate, has another digest, or is not valid.
        """
        place = f"s3://{self._bucket}/{reference.key}"
        if not reference.key.startswith(self._folder):
            raise DocumentError(f"{place} belongs to another gate")
        data = self._read(reference.key, reference.version)
        if hashlib.sha256(data).hexdigest() != reference.sha256:
            raise DocumentError(f"{place} is not the version that was written: its digest differs")
        return _decode(data, kind, place)

    def read_latest(self, name: str, kind: type[T]) -> T | None:
        """Read the latest version of a document that only trusted functions write; return None if it does not exist."""
        key = f"{self._folder}{name}.json"
        try:
            return _decode(self._read(key), kind, f"s3://{self._bucket}/{key}")
        except AwsError as error:
            if error.code in ("NoSuchKey", "404"):
                return None
            raise

    def _read(self, key: str, version: str = "") -> bytes:
        return self._aws.read_object(self._bucket, key, MAX_BYTES, version=version)[0]


def _decode(data: bytes, kind: type[T], place: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentError(f"{place} is not a valid {kind.__name__}: {error}") from error
