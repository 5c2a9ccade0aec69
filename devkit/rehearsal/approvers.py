"""People of a rehearsal who decide about holds, at the time and with the decision that the scenario says."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from greenlight.aws.client import Aws
from greenlight.core.errors import GreenlightError
from greenlight.stores.holds import FOLDER

from ..reports.approval import HoldPlace, decide_hold
from .aws.identities import person_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .aws.server import LocalAws
    from .scenario import Approval

_POLL_S = 0.1
_CLOSE_S = 2.0


class Approvers:
    """People who wait for the holds of a deployment; each acts once for each deployment."""

    def __init__(self, aws: LocalAws, bucket: str, minute_s: float, note: Callable[[str], None]) -> None:
        """Create them without decisions.

        Args:
            aws: The local AWS.
            bucket: The report bucket.
            minute_s: Seconds of the rehearsal for one minute of CodeDeploy.
            note: Receives a sentence about each decision.
        """
        self._aws, self._bucket, self._minute_s, self._note = aws, bucket, minute_s, note
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def arm(self, approvals: Sequence[Approval]) -> None:
        """Send these decisions for the next deployment."""
        earlier = self._hold_keys() if approvals else frozenset()
        for approval in approvals:
            thread = threading.Thread(target=self._wait, args=(approval, earlier), name="approver", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop waiting."""
        self._closing.set()
        for thread in self._threads:
            thread.join(_CLOSE_S)

    def _wait(self, approval: Approval, earlier: frozenset[str]) -> None:
        """Wait for a hold that is not one of the earlier ones, then for the time of the decision, and send it."""
        while not self._closing.wait(_POLL_S):
            for key in sorted(self._hold_keys() - earlier):
                _, deployment, stage, _ = key.split("/")
                if approval.stage in (None, stage):
                    if not self._closing.wait(approval.after / 60 * self._minute_s):
                        self._decide(approval, deployment, stage)
                    return

    def _decide(self, approval: Approval, deployment: str, stage: str) -> None:
        aws = Aws(_PersonSession(self._aws, approval.by))
        place = HoldPlace(self._bucket, deployment, stage)
        try:
            message = decide_hold(aws, place, approval.decision, approval.why).message
        except GreenlightError as error:
            message = str(error)
        self._note(f"{approval.by} sent {approval.decision}: {message}")

    def _hold_keys(self) -> frozenset[str]:
        listed = self._aws.client("s3").list_objects_v2(Bucket=self._bucket, Prefix=FOLDER)
        return frozenset(str(entry["Key"]) for entry in listed.get("Contents", []))


class _PersonSession:
    """Session of a person at the local AWS."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self._aws, self._key = aws, person_key(name)

    def client(self, service: str, **_config: Any) -> Any:
        """Return the client of a service; the local AWS has its own configuration."""
        return self._aws.client(service, self._key)
