"""Elastic Load Balancing: access to moto's state, and target health from real health checks."""

from __future__ import annotations

import http.client
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from .calls import Application, Call, Reply
from .server import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

_PROBE_S = 3.0


@dataclass(frozen=True)
class Health:
    """Health of one target, with values of Elastic Load Balancing's API."""

    state: str
    reason: str = ""
    description: str = ""


def backend() -> Any:
    """Return moto's state of the region that rehearsals use."""
    from moto.elbv2.models import elbv2_backends

    return elbv2_backends[ACCOUNT][REGION]


def targets_of(group_arn: str) -> list[tuple[str, int]]:
    """Return the address and port of each registered target of a group."""
    group = backend().target_groups.get(group_arn)
    return [(str(target["Id"]), int(target["Port"])) for target in group.targets.values()] if group else []


class Elbv2Api:
    """Elastic Load Balancing's API: answers DescribeTargetHealth with health checks of the processes."""

    def __init__(self, in_use: Callable[[str], bool]) -> None:
        """Use `in_use` to decide whether a target group, by ARN, is health-checked."""
        self._in_use = in_use

    def __call__(self, call: Call, _moto: Application) -> Reply | None:
        """Return the response to a call; None for a call that moto answers."""
        if call.service != "elasticloadbalancing" or call.form.get("Action") != "DescribeTargetHealth":
            return None
        arn = call.form.get("TargetGroupArn", "")
        group = backend().target_groups.get(arn)
        if group is None:
            return None
        requested_ids = {value for key, value in call.form.items() if re.fullmatch(r"Targets\.member\.[0-9]+\.Id", key)}
        members = []
        for address, port in targets_of(arn):
            if requested_ids and address not in requested_ids:
                continue
            health = probe(group, address, port) if self._in_use(arn) else _NOT_IN_USE
            members.append(_member(address, port, health))
        return Reply(_ENVELOPE.format("".join(members), uuid.uuid4()).encode(), 200, (("Content-Type", "text/xml"),))


_NOT_IN_USE = Health(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)


def probe(group: Any, address: str, port: int) -> Health:
    """Check one target once, with the health check of its group."""
    connection = http.client.HTTPConnection(address, port, timeout=_PROBE_S)
    try:
        connection.connect()
        if str(group.health_check_protocol or "HTTP") not in ("HTTP", "HTTPS"):
            return Health("healthy")
        connection.request("GET", group.health_check_path or "/", headers={"User-Agent": "ELB-HealthChecker/2.0"})
        status = connection.getresponse().status
    except TimeoutError:
        return Health("unhealthy", "Target.Timeout", "Request timed out")
    except (OSError, http.client.HTTPException):
        return Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    finally:
        connection.close()
    codes = str((group.matcher or {}).get("HttpCode", "200"))
    if matches(codes, status):
        return Health("healthy")
    return Health("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


def matches(codes: str, status: int) -> bool:
    """Return whether a status is in a matcher's codes, such as `200`, `200,301` or `200-299`."""
    for part in codes.split(","):
        low, _, high = part.strip().partition("-")
        if low.isdigit() and int(low) <= status <= int(high if high.isdigit() else low):
            return True
    return False


_ENVELOPE = (
    '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
    "<DescribeTargetHealthResult><TargetHealthDescriptions>{}</TargetHealthDescriptions></DescribeTargetHealthResult>"
    "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></DescribeTargetHealthResponse>"
)


def _member(address: str, port: int, health: Health) -> str:
    reason = ""
    if health.reason:
        reason = f"<Reason>{escape(health.reason)}</Reason><Description>{escape(health.description)}</Description>"
    return (
        f"<member><HealthCheckPort>{port}</HealthCheckPort><Target><Id>{escape(address)}</Id><Port>{port}</Port></Target>"
        f"<TargetHealth><State>{health.state}</State>{reason}</TargetHealth></member>"
    )
