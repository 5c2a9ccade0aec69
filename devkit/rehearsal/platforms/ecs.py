"""An ECS service under CodeDeploy: two target groups, one or two listeners, processes for tasks."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greenlight.core.clock import SYSTEM_CLOCK

from ..aws.ecs import TaskSet
from ..engine import Halt
from ..processes import Process, ProcessError, base_environment, free_port, wait_for_port
from ..users import AGENT, RequestCounts, UserTraffic
from .load_balancer import LoadBalancer

if TYPE_CHECKING:
    from pathlib import Path

    from ..aws.server import LocalAws
    from ..configurations import Configuration
    from ..scenario import Release, Scenario

CONTAINER_PORT = 8080
_LOG_LAG_S = 0.5


@dataclass
class _Revision:
    """One running revision: its process, its port and its task set."""

    process: Process
    port: int
    task_set: TaskSet


class EcsPlatform:
    """ECS service of one scenario, for all its deployments."""

    def __init__(self, aws: LocalAws, scenario: Scenario, work: Path, results: Path) -> None:
        """Store the settings; `prepare` creates the service.

        Args:
            aws: The local AWS.
            scenario: The scenario.
            work: Folder for private files.
            results: Folder for the logs of the releases.
        """
        self._aws = aws
        self._scenario = scenario
        self._results = results
        self.task_sets: list[TaskSet] = []
        self.request_counts = RequestCounts()
        self.green_key = ""
        self._load_balancer = LoadBalancer(aws, scenario, work)
        self._releases = 0
        self._blue: _Revision | None = None
        self._green: _Revision | None = None
        self._retired: list[_Revision] = []
        self._release: Release | None = None
        self._configuration: Configuration | None = None

    def prepare(self) -> None:
        """Create the service with blue in production.

        Raises:
            ProcessError: Blue does not start.
            LoadBalancerError: The load balancer does not start.
        """
        revision = self._start(self._scenario.file.blue, "blue", group=0)
        self._load_balancer.build()
        self._load_balancer.register(0, revision.port)
        revision.task_set.target_group = self._load_balancer.groups[0]
        revision.task_set.status, revision.task_set.weight = "PRIMARY", 100.0
        self._create_service(revision.task_set)
        self._blue = revision
        self._load_balancer.send("production", {0: 100, 1: 0})
        self._load_balancer.send("test", {0: 100, 1: 0})
        self._load_balancer.apply()

    def group_settings(self) -> dict[str, Any]:
        """Return the platform's settings of the deployment group: service, target groups, listeners."""
        return {
            "ecsServices": [{"serviceName": self.service, "clusterName": self.cluster}],
            "loadBalancerInfo": {"targetGroupPairInfoList": [self._load_balancer.pair()]},
        }

    @property
    def cluster(self) -> str:
        """Name of the cluster."""
        return f"{self._scenario.resource}-cluster"

    @property
    def service(self) -> str:
        """Name of the service."""
        return self._scenario.resource

    def ca_file(self) -> str:
        """Return the CA file of the listeners' certificate, "" without TLS."""
        return self._load_balancer.ca_file

    def users(self) -> UserTraffic:
        """Return traffic for the production listener."""
        return UserTraffic(self._load_balancer.browser().ask, self._scenario.file.users.rate)

    def prepare_deployment(self, release: Release, configuration: Configuration, *, test_listener: bool) -> bool:
        """Prepare to deploy `release`; return False if green of an earlier deployment had to be removed first."""
        is_clean = self._green is None
        if not is_clean:
            self.restore_blue()
            self.end_retired()
        self._release, self._configuration, self.green_key = release, configuration, ""
        self._load_balancer.use_test_listener(test_listener)
        return is_clean

    def count_requests(self, total: int) -> None:
        """Update the counts from the load balancer's access log, which gets its entries shortly after the requests."""
        end = time.monotonic() + _LOG_LAG_S
        while True:
            for entry in self._load_balancer.caddy.read_access_log():
                if entry.listener == "production" and entry.agent == AGENT:
                    self.request_counts.add(str(entry.target), succeeded=entry.status < 499)
            if self.request_counts.requests.total() >= total or time.monotonic() > end:
                return
            SYSTEM_CLOCK.sleep(0.01)

    def close(self) -> None:
        """Stop all processes."""
        self.end_retired()
        for revision in (self._green, self._blue):
            if revision is not None:
                revision.process.kill()
        self._load_balancer.close()

    def end_retired(self) -> None:
        """Stop the retired revisions. Call this only when no user waits for a response any more."""
        while self._retired:
            self._retired.pop().process.kill(grace_s=0.2)

    # Actions of CodeDeploy

    def install(self, deployment_id: str, /) -> None:
        """Start green and register it in the free target group.

        Raises:
            Halt: Green does not start.
        """
        if self._blue is None or self._release is None:
            raise Halt("INTERNAL_ERROR", "There is nothing to deploy.")
        free = 1 - self._index(self._blue)
        try:
            green = self._start(self._release, "green", group=free, external_id=deployment_id)
        except ProcessError as error:
            raise Halt("ECS_UPDATE_ERROR", f"The replacement task set does not start: {error}") from error
        self._load_balancer.register(free, green.port)
        self._green, self.green_key = green, str(green.port)

    def allow_test_traffic(self) -> None:
        """Point the test listener at green."""
        self._send("test", 100)
        self._load_balancer.apply()

    def shift(self, percent: int, /) -> None:
        """Send this percentage of the production traffic to green."""
        self._send("production", percent)
        self._load_balancer.apply()
        if self._blue and self._green:
            self._blue.task_set.weight, self._green.task_set.weight = 100.0 - percent, float(percent)
            if percent == 100:
                self._blue.task_set.status, self._green.task_set.status = "ACTIVE", "PRIMARY"

    def restore_blue(self) -> None:
        """Send all traffic to blue and retire green."""
        self._send("production", 0)
        self._send("test", 0)
        self._load_balancer.apply()
        if self._blue:
            self._blue.task_set.status, self._blue.task_set.weight = "PRIMARY", 100.0
        self._retire(self._green)
        self._green = None

    def promote_green(self) -> None:
        """Retire blue and make green, in the other target group, the blue of the next deployment."""
        self._retire(self._blue)
        self._blue, self._green = self._green, None

    def target(self) -> dict[str, Any]:
        """Return the ECS target."""
        return self._target("Blue", "Green")

    def rollback_target(self) -> dict[str, Any]:
        """Return the ECS target of the rollback deployment."""
        return self._target("Green", "Blue")

    def in_use(self, group_arn: str) -> bool:
        """Return whether a target group is health-checked; with ECSAllAtOnce only when it gets traffic."""
        all_at_once = self._configuration is not None and self._configuration.all_at_once
        return not all_at_once or self._load_balancer.weight(group_arn) > 0

    def _target(self, blue: str, green: str) -> dict[str, Any]:
        labelled_revisions = [(self._blue, blue), (self._green, green)]
        return {
            "deploymentTargetType": "ECSTarget",
            "ecsTarget": {
                "targetId": f"{self.cluster}:{self.service}",
                "taskSetsInfo": [
                    {
                        "identifer": revision.task_set.id,  # misspelt in AWS's API
                        "desiredCount": 1,
                        "pendingCount": 0,
                        "runningCount": 1,
                        "status": revision.task_set.status,
                        "trafficWeight": revision.task_set.weight,
                        "targetGroup": {"name": revision.task_set.target_group.split("/")[1]},
                        "taskSetLabel": label,
                    }
                    for revision, label in labelled_revisions
                    if revision is not None
                ],
            },
        }

    def _send(self, listener: str, green_percent: int) -> None:
        blue = self._index(self._blue) if self._blue else 0
        self._load_balancer.send(listener, {blue: 100 - green_percent, 1 - blue: green_percent})

    def _index(self, revision: _Revision) -> int:
        return self._load_balancer.groups.index(revision.task_set.target_group)

    def _start(self, release: Release, side: str, *, group: int, external_id: str = "") -> _Revision:
        self._releases += 1
        port = free_port()
        command = release.command if release.command is not None else ""
        words = shlex.split(command) if isinstance(command, str) else list(command)
        process = Process(
            [word.replace("{port}", str(port)) for word in words],
            cwd=self._scenario.folder,
            environment=base_environment() | release.variables() | {"PORT": str(port)},
            log=self._results / f"release-{self._releases}-{side}.log",
        )
        try:
            wait_for_port(process, port, release.start_timeout)
        except BaseException:
            process.kill()
            raise
        task_set = TaskSet(
            id=f"ecs-svc/{7_000_000_000_000_000_000 + self._releases}",
            cluster=self.cluster,
            service=self.service,
            task_definition=self._register_task_definition(),
            target_group=self._load_balancer.groups[group] if self._load_balancer.groups else "",
            container=self.service,
            port=CONTAINER_PORT,
            external_id=external_id,
        )
        self.task_sets.append(task_set)
        return _Revision(process, port, task_set)

    def _retire(self, revision: _Revision | None) -> None:
        if revision is None:
            return
        self._load_balancer.deregister(self._index(revision), revision.port)
        self.task_sets.remove(revision.task_set)
        self._retired.append(revision)

    def _register_task_definition(self) -> str:
        container = {
            "name": self.service,
            "image": f"{self.service}:{self._releases}",
            "essential": True,
            "portMappings": [{"containerPort": CONTAINER_PORT, "protocol": "tcp"}],
        }
        response = self._aws.client("ecs").register_task_definition(
            family=self.service,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        return str(response["taskDefinition"]["taskDefinitionArn"])

    def _create_service(self, task_set: TaskSet) -> None:
        ecs = self._aws.client("ecs")
        ecs.create_cluster(clusterName=self.cluster)
        ecs.put_account_setting(name="serviceLongArnFormat", value="enabled")
        ecs.create_service(
            cluster=self.cluster,
            serviceName=self.service,
            taskDefinition=task_set.task_definition,
            desiredCount=1,
            launchType="FARGATE",
            deploymentController={"type": "CODE_DEPLOY"},
            loadBalancers=task_set.describe()["loadBalancers"],
        )
