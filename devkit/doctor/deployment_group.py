"""What the doctor knows of one deployment group before looking closer."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import Platform

if TYPE_CHECKING:
    from devkit.doctor.reader import Reader
    from devkit.doctor.revision import AppSpec

RUNNING = ("Created", "Queued", "InProgress", "Baking", "Ready")


@dataclass(frozen=True, kw_only=True)
class GroupState:
    """One deployment group.

    Attributes:
        reader: The account.
        application: CodeDeploy's application.
        info: CodeDeploy's `deploymentGroupInfo`.
        installation: The name of greenlight's installation.
        appspec: Of the next or the last deployment; None where none is known.
        hooks: Configurations of the hooks' functions by event, those that exist.
        tags: Of the deployment group.
        plan_file: Where the plan is on this machine; "" to look where the gate would.
    """

    reader: Reader
    application: str
    info: dict[str, Any]
    installation: str = "greenlight"
    appspec: AppSpec | None = None
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    plan_file: str = ""

    @property
    def group(self) -> str:
        """The deployment group's name."""
        return str(self.info["deploymentGroupName"])

    @property
    def platform(self) -> Platform:
        """Lambda, or else ECS."""
        return Platform.LAMBDA if self.info.get("computePlatform") == "Lambda" else Platform.ECS

    @property
    def region(self) -> str:
        """Where the account is looked at."""
        return str(self.reader.client("codedeploy").meta.region_name)

    @property
    def account(self) -> str:
        """The account's number; "" where the group has no role to read it from."""
        parts = str(self.info.get("serviceRoleArn", "")).split(":")
        return parts[4] if len(parts) > 4 else ""

    @property
    def partition(self) -> str:
        """The partition of its ARNs."""
        return str(self.reader.client("codedeploy").meta.partition)

    @property
    def arn(self) -> str:
        """The deployment group's ARN."""
        return f"arn:{self.partition}:codedeploy:{self.region}:{self.account}:deploymentgroup:{self.application}/{self.group}"

    @property
    def running(self) -> bool:
        """Whether a deployment is under way, in which listeners and aliases are in between."""
        return self.info.get("lastAttemptedDeployment", {}).get("status") in RUNNING

    @property
    def pair(self) -> dict[str, Any]:
        """The target groups and listeners of an ECS group."""
        pairs = self.info.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
        return dict(pairs[0])

    def listener(self, route: str) -> str:
        """Give the ARN of a route's listener, `prodTrafficRoute` or `testTrafficRoute`; "" for none."""
        return str(next(iter(self.pair.get(route, {}).get("listenerArns") or []), ""))

    def update(self, options: str) -> str:
        """Write the command that changes the deployment group."""
        return (
            f"aws deploy update-deployment-group --application-name {shlex.quote(self.application)} "
            f"--current-deployment-group-name {shlex.quote(self.group)} {options}"
        )

    def balanced(self, *, groups: tuple[str, ...] = (), production: str = "", test: str = "") -> str:
        """Write the command that names target groups and listeners; those there are, where nothing is said."""
        named = groups or tuple(str(each.get("name")) for each in self.pair.get("targetGroups", []))
        routes = {
            "prod": production or self.listener("prodTrafficRoute"),
            "test": test or self.listener("testTrafficRoute"),
        }
        listed = ",".join(f"{{name={each}}}" for each in named)
        led = "".join(f",{key}TrafficRoute={{listenerArns=[{arn}]}}" for key, arn in routes.items() if arn)
        pair = f"targetGroupPairInfoList=[{{targetGroups=[{listed}]{led}}}]"
        return self.update(f"--load-balancer-info {shlex.quote(pair)}")
