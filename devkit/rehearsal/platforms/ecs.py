"""An ECS service under CodeDeploy: two target groups, one or two listeners, processes for tasks."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.aws.ecs import TaskSet
from devkit.rehearsal.engine import Halt
from devkit.rehearsal.platforms.load_balancer import Front
from devkit.rehearsal.processes import Process, ProcessError, base_environment, free_port, wait_for_port
from devkit.rehearsal.users import AGENT, Tally, Users

if TYPE_CHECKING:
    from pathlib import Path

    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.configurations import Configuration
    from devkit.rehearsal.scenario import Release, Scenario

CONTAINER_PORT = 8080
_LOG_LAG_S = 0.5


@dataclass
class _Revision:
    """One revision that runs: its process, and what ECS and the balancer know of it."""

    process: Process
    port: int
    task_set: TaskSet


class EcsGround:
    """The platform of one ECS scenario, through all its deployments."""

    def __init__(self, aws: LocalAws, scenario: Scenario, work: Path, results: Path) -> None:
        """Plan only; `prepare` builds. `work` is for private files, `results` for the logs users read."""
        self._aws = aws
        self._scenario = scenario
        self._results = results
        self.task_sets: list[TaskSet] = []
        self.tally = Tally()
        self.green_key = ""
        self._front = Front(aws, scenario, work)
        self._releases = 0
        self._blue: _Revision | None = None
        self._green: _Revision | None = None
        self._retired: list[_Revision] = []
        self._release: Release | None = None
        self._configuration: Configuration | None = None

    def prepare(self) -> None:
        """Build the service with blue in production.

        Raises:
            ProcessError: Blue does not come up.
            BalancerError: The load balancer does not.
        """
        revision = self._start(self._scenario.file.blue, "blue", group=0)
        self._front.build()
        self._front.register(0, revision.port)
        revision.task_set.target_group = self._front.groups[0]
        revision.task_set.status, revision.task_set.weight = "PRIMARY", 100.0
        self._create_service(revision.task_set)
        self._blue = revision
        self._front.send("production", {0: 100, 1: 0})
        self._front.send("test", {0: 100, 1: 0})
        self._front.apply()

    def group_settings(self) -> dict[str, Any]:
        """What the deployment group has to know: service, target groups, listeners."""
        return {
            "ecsServices": [{"serviceName": self.service, "clusterName": self.cluster}],
            "loadBalancerInfo": {"targetGroupPairInfoList": [self._front.pair()]},
        }

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return f"{self._scenario.resource}-cluster"

    @property
    def service(self) -> str:
        """The service's name."""
        return self._scenario.resource

    def ca_file(self) -> str:
        """The authority of the listeners' certificate, "" without TLS."""
        return self._front.ca_file

    def users(self) -> Users:
        """Make the users of the production listener."""
        return Users(self._front.browser().ask, self._scenario.file.users.rate)

    def begin(self, release: Release, configuration: Configuration, *, test_listener: bool) -> bool:
        """Get ready to deploy `release`; False when an earlier deployment's green had to be put away first."""
        clean = self._green is None
        if not clean:
            self.restore()
            self.bury()
        self._release, self._configuration, self.green_key = release, configuration, ""
        self._front.use_test_listener(test_listener)
        return clean

    def count(self, made: int) -> None:
        """Bring the tally up to date from the balancer's access log, which is a blink behind the `made` requests."""
        end = time.monotonic() + _LOG_LAG_S
        while True:
            for seen in self._front.balancer.seen():
                if seen.listener == "production" and seen.agent == AGENT:
                    self.tally.add(str(seen.target), good=seen.status < 499)
            if self.tally.requests.total() >= made or time.monotonic() > end:
                return
            time.sleep(0.01)

    def close(self) -> None:
        """End everything."""
        self.bury()
        for revision in (self._green, self._blue):
            if revision is not None:
                revision.process.kill()
        self._front.close()

    def bury(self) -> None:
        """End the revisions that get no requests any more, once nobody waits for their last answers."""
        while self._retired:
            self._retired.pop().process.kill(grace_s=0.2)

    # What CodeDeploy does

    def install(self, deployment_id: str, /) -> None:
        """Start green and put it into the target group that is free.

        Raises:
            Halt: It does not come up.
        """
        if self._blue is None or self._release is None:
            raise Halt("INTERNAL_ERROR", "There is nothing to deploy.")
        free = 1 - self._index(self._blue)
        try:
            green = self._start(self._release, "green", group=free, external_id=deployment_id)
        except ProcessError as error:
            raise Halt("ECS_UPDATE_ERROR", f"The replacement task set does not come up: {error}") from error
        self._front.register(free, green.port)
        self._green, self.green_key = green, str(green.port)

    def allow_test_traffic(self) -> None:
        """Point the test listener at green."""
        self._send("test", 100)
        self._front.apply()

    def shift(self, percent: int, /) -> None:
        """Give green this share of production."""
        self._send("production", percent)
        self._front.apply()
        if self._blue and self._green:
            self._blue.task_set.weight, self._green.task_set.weight = 100.0 - percent, float(percent)
            if percent == 100:
                self._blue.task_set.status, self._green.task_set.status = "ACTIVE", "PRIMARY"

    def restore(self) -> None:
        """Send everything to blue and retire green."""
        self._send("production", 0)
        self._send("test", 0)
        self._front.apply()
        if self._blue:
            self._blue.task_set.status, self._blue.task_set.weight = "PRIMARY", 100.0
        self._retire(self._green)
        self._green = None

    def settle(self) -> None:
        """Retire blue; green is the blue of the next deployment, in the other target group."""
        self._retire(self._blue)
        self._blue, self._green = self._green, None

    def target(self) -> dict[str, Any]:
        """Describe the ECS target."""
        return self._target("Blue", "Green")

    def rollback_target(self) -> dict[str, Any]:
        """Describe the ECS target as the way back has it."""
        return self._target("Green", "Blue")

    def in_use(self, group_arn: str) -> bool:
        """Whether a target group is health-checked: with ECSAllAtOnce only once it gets traffic."""
        all_at_once = self._configuration is not None and self._configuration.all_at_once
        return not all_at_once or self._front.weight(group_arn) > 0

    def _target(self, blue: str, green: str) -> dict[str, Any]:
        labelled = [(self._blue, blue), (self._green, green)]
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
                    for revision, label in labelled
                    if revision is not None
                ],
            },
        }

    def _send(self, listener: str, green_percent: int) -> None:
        blue = self._index(self._blue) if self._blue else 0
        self._front.send(listener, {blue: 100 - green_percent, 1 - blue: green_percent})

    def _index(self, revision: _Revision) -> int:
        return self._front.groups.index(revision.task_set.target_group)

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
            task_definition=self._task_definition(),
            target_group=self._front.groups[group] if self._front.groups else "",
            container=self.service,
            port=CONTAINER_PORT,
            external_id=external_id,
        )
        self.task_sets.append(task_set)
        return _Revision(process, port, task_set)

    def _retire(self, revision: _Revision | None) -> None:
        if revision is None:
            return
        self._front.deregister(self._index(revision), revision.port)
        self.task_sets.remove(revision.task_set)
        self._retired.append(revision)

    def _task_definition(self) -> str:
        container = {
            "name": self.service,
            "image": f"{self.service}:{self._releases}",
            "essential": True,
            "portMappings": [{"containerPort": CONTAINER_PORT, "protocol": "tcp"}],
        }
        answer = self._aws.client("ecs").register_task_definition(
            family=self.service,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

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
            loadBalancers=task_set.described()["loadBalancers"],
        )
