"""State of one deployment group, which all checks of an account use."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import Platform

if TYPE_CHECKING:
    from .reader import Reader
    from .revision import AppSpec

RUNNING = ("Created", "Queued", "InProgress", "Baking", "Ready")


@dataclass(frozen=True, kw_only=True)
class GroupState:
    """One deployment group.

    Attributes:
        reader: The account.
        application: CodeDeploy's application.
        info: CodeDeploy's `deploymentGroupInfo`.
        installation: The name of greenlight's installation.
        appspec: The AppSpec of the next or the last deployment; None if there is neither.
        hooks: Configurations of the hook functions that exist, by lifecycle event.
        tags: The tags of the deployment group.
        plan_file: A plan on this machine; "" to look where the gate looks.
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
        """The compute platform: Lambda or ECS."""
        return Platform.LAMBDA if self.info.get("computePlatform") == "Lambda" else Platform.ECS

    @property
    def region(self) -> str:
        """The Region that is read."""
        return str(self.reader.client("codedeploy").meta.region_name)

    @property
    def account(self) -> str:
        """The account id, from the ARN of the service role; "" without one."""
        parts = str(self.info.get("serviceRoleArn", "")).split(":")
        return parts[4] if len(parts) > 4 else ""

    @property
    def partition(self) -> str:
        """The partition of its ARNs."""
        return str(self.reader.client("codedeploy").meta.partition)

    @property
    def arn(self) -> str:
        """The deployment group's ARN."""
        prefix = f"arn:{self.partition}:codedeploy:{self.region}:{self.account}"
        return f"{prefix}:deploymentgroup:{self.application}/{self.group}"

    @property
    def is_deploying(self) -> bool:
        """Whether a deployment is running, so that listeners and aliases are in transition."""
        return self.info.get("lastAttemptedDeployment", {}).get("status") in RUNNING

    @property
    def deployment_config(self) -> str:
        """The name of the deployment configuration."""
        return str(self.info.get("deploymentConfigName", ""))

    @property
    def blue_green(self) -> dict[str, Any]:
        """CodeDeploy's `blueGreenDeploymentConfiguration`."""
        return dict(self.info.get("blueGreenDeploymentConfiguration", {}))

    @property
    def target_group_pair(self) -> dict[str, Any]:
        """The target groups and traffic routes of an ECS group."""
        pairs = self.info.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
        return dict(pairs[0])

    @property
    def target_group_names(self) -> list[str]:
        """The names of the two target groups of an ECS group."""
        return [str(group.get("name")) for group in self.target_group_pair.get("targetGroups", [])]

    def listener_arn(self, route: str) -> str:
        """Return the ARN of a route's listener, `prodTrafficRoute` or `testTrafficRoute`; "" without one."""
        return str(next(iter(self.target_group_pair.get(route, {}).get("listenerArns") or []), ""))

    def update_command(self, options: str) -> str:
        """Return the command that changes the deployment group."""
        return (
            f"aws deploy update-deployment-group --application-name {shlex.quote(self.application)} "
            f"--current-deployment-group-name {shlex.quote(self.group)} {options}"
        )

    def load_balancer_command(self, *, groups: tuple[str, ...] = (), production: str = "", test: str = "") -> str:
        """Return the command that sets target groups and listeners; those that are not passed stay as they are."""
        arns = {
            "prod": production or self.listener_arn("prodTrafficRoute"),
            "test": test or self.listener_arn("testTrafficRoute"),
        }
        names = ",".join(f"{{name={name}}}" for name in groups or self.target_group_names)
        routes = "".join(f",{key}TrafficRoute={{listenerArns=[{arn}]}}" for key, arn in arns.items() if arn)
        pair = f"targetGroupPairInfoList=[{{targetGroups=[{names}]{routes}}}]"
        return self.update_command(f"--load-balancer-info {shlex.quote(pair)}")
