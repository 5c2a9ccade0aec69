"""Metadata of generated events: region, time, ids and account."""

from __future__ import annotations

import datetime
import uuid

from greenlight.checks.validator import Params

ACCOUNT = "123456789012"


class EventMetadata(Params, frozen=True, kw_only=True):
    """Metadata of an event: region, time (seconds since 1970) and a seed for its ids."""

    region: str = "eu-west-1"
    at: float = 0.0
    seed: str = ""

    def id(self, part: str = "") -> str:
        """Return an id; the same seed and part have the same id."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.seed}/{self.at}/{part}"))

    def iso(self) -> str:
        """Return the time in ISO 8601, as most services write it."""
        moment = datetime.datetime.fromtimestamp(self.at, datetime.UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def clf(self) -> str:
        """Return the time in the common log format, as API Gateway writes it."""
        return datetime.datetime.fromtimestamp(self.at, datetime.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN of an example account; `rest` is returned if it is an ARN already."""
        return rest if rest.startswith("arn:") else f"arn:aws:{service}:{self.region}:{ACCOUNT}:{rest}"
