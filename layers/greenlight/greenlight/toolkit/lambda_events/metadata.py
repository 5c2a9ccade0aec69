"""What an event says of its making, and the account that events are of."""

from __future__ import annotations

import datetime
import uuid

from greenlight.checks.validator import Params

ACCOUNT = "123456789012"


class EventMetadata(Params, frozen=True, kw_only=True):
    """What an event says of its making: region, time (seconds since 1970) and a seed for its ids."""

    region: str = "eu-west-1"
    at: float = 0.0
    seed: str = ""

    def id(self, part: str = "") -> str:
        """Give an id; the same for the same seed and part."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.seed}/{self.at}/{part}"))

    def iso(self) -> str:
        """Give the time as most services write it."""
        moment = datetime.datetime.fromtimestamp(self.at, datetime.UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def clf(self) -> str:
        """Give the time as API Gateway writes it."""
        return datetime.datetime.fromtimestamp(self.at, datetime.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")

    def arn(self, service: str, rest: str) -> str:
        """Give an ARN of a made-up account, unless `rest` is one already."""
        return rest if rest.startswith("arn:") else f"arn:aws:{service}:{self.region}:{ACCOUNT}:{rest}"
