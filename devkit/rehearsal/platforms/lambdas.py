"""A Lambda function under CodeDeploy: published versions, an alias, and weights between two of them."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from typing import TYPE_CHECKING, Any

from devkit.rehearsal.engine import Halt
from devkit.rehearsal.functions import LocalLambda, arn, environment
from devkit.rehearsal.sandbox import FunctionSpec
from devkit.rehearsal.users import Tally, Users

if TYPE_CHECKING:
    from pathlib import Path

    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.configurations import Configuration
    from devkit.rehearsal.scenario import Release, Scenario

ALIAS = "live"
_ROLE_KEY = "AKIAREHEARSALSERVICE"


class LambdaGround:
    """The platform of one Lambda scenario, through all its deployments."""

    def __init__(self, aws: LocalAws, scenario: Scenario, functions: LocalLambda, results: Path) -> None:
        """Plan only; `prepare` builds. `results` takes the function's log."""
        self._aws = aws
        self._scenario = scenario
        self._functions = functions
        self._lambda = aws.client("lambda")
        self._log = results / "function.log"
        self._lock = threading.Lock()
        self._blue = ""
        self._green = ""
        self._releases = 0
        self._weight = 0.0
        self.tally = Tally()
        self.green_key = ""

    @property
    def name(self) -> str:
        """The function's name."""
        return f"{self._scenario.resource}-function"

    def prepare(self) -> None:
        """Publish blue and point the alias at it."""
        self._blue = self._publish(self._scenario.file.blue)
        self._lambda.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion=self._blue)

    def group_settings(self) -> dict[str, Any]:
        """What the deployment group has to know: nothing, Lambda's groups name no function."""
        return {}

    def ca_file(self) -> str:
        """No certificate is involved."""
        return ""

    def users(self) -> Users:
        """Make the users of the live alias."""
        payload = json.dumps(self._scenario.file.users.payload).encode()

        def ask() -> bool:
            pool = self._functions.pool(self.name, ALIAS)
            if pool is None:
                return False
            good = not pool.invoke(payload).error
            with self._lock:
                self.tally.add(pool.spec.version, good=good)
            return good

        return Users(ask, self._scenario.file.users.rate)

    def begin(self, release: Release, _configuration: Configuration, *, test_listener: bool) -> bool:  # noqa: ARG002
        """Publish the version to deploy, as `sam deploy` does first; False when an earlier green still had traffic."""
        clean = not self._weight
        if not clean:
            self.restore()
        self._green = self.green_key = self._publish(release)
        return clean

    def count(self, _made: int) -> None:
        """Users' calls are counted as they are made."""

    def bury(self) -> None:
        """Versions stay."""

    def close(self) -> None:
        """Functions end with the rehearsal's Lambda."""

    # What CodeDeploy does

    def install(self, _deployment_id: str, /) -> None:
        """Lambda has nothing to install."""

    def allow_test_traffic(self) -> None:
        """Lambda has no test traffic."""

    def shift(self, percent: int, /) -> None:
        """Give green this share of the alias.

        Raises:
            Halt: Somebody else has moved the alias.
        """
        current = self._lambda.get_alias(FunctionName=self.name, Name=ALIAS)["FunctionVersion"]
        if current not in (self._blue, self._green):
            raise Halt("INVALID_LAMBDA_CONFIGURATION", "The alias does not point to the AppSpec's current version.")
        if percent < 100:
            self._route(self._blue, {self._green: percent / 100})
        else:
            self._route(self._green, {})
        self._weight = percent / 100

    def restore(self) -> None:
        """Point the alias at blue alone."""
        self._route(self._blue, {})
        self._weight = 0.0

    def settle(self) -> None:
        """Green is the blue of the next deployment."""
        self._blue, self._weight = self._green, 0.0

    def target(self) -> dict[str, Any]:
        """Describe the Lambda target."""
        return self._target(self._blue, self._green, self._weight)

    def rollback_target(self) -> dict[str, Any]:
        """Describe the Lambda target as the way back has it."""
        return self._target(self._green, self._blue, 1.0 - self._weight)

    def _target(self, current: str, wanted: str, weight: float) -> dict[str, Any]:
        return {
            "deploymentTargetType": "LambdaTarget",
            "lambdaTarget": {
                "targetId": f"{self.name}:{ALIAS}",
                "lambdaFunctionInfo": {
                    "functionName": self.name,
                    "functionAlias": ALIAS,
                    "currentVersion": current,
                    "targetVersion": wanted,
                    "targetVersionWeight": weight,
                },
            },
        }

    def _route(self, version: str, more: dict[str, float]) -> None:
        self._lambda.update_alias(
            FunctionName=self.name,
            Name=ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": more},
        )

    def _publish(self, release: Release) -> str:
        self._releases += 1
        file, _, handler = str(release.function).rpartition(":")
        path = (self._scenario.folder / file).resolve()
        module = path.stem
        variables = release.variables()
        code = _zipped(path, self._releases)
        if self._releases == 1:
            self._lambda.create_function(
                FunctionName=self.name,
                Runtime="python3.13",
                Role=self._role(),
                Handler=f"{module}.{handler}",
                Code={"ZipFile": code},
                Timeout=max(1, min(900, round(release.timeout))),
                MemorySize=512,
                Environment={"Variables": variables},
            )
        else:
            self._lambda.update_function_configuration(
                FunctionName=self.name, Environment={"Variables": variables}, Handler=f"{module}.{handler}"
            )
            self._lambda.update_function_code(FunctionName=self.name, ZipFile=code)
        version = str(self._lambda.publish_version(FunctionName=self.name)["Version"])
        self._functions.register(
            FunctionSpec(
                name=self.name,
                version=version,
                handler=f"{module}.{handler}",
                root=path.parent,
                environment=environment(self._aws.environment(_ROLE_KEY) | variables),
                timeout_s=release.timeout,
                arn=arn(self.name, version),
            ),
            on_line=self._logged(version),
        )
        return version

    def _logged(self, version: str) -> Any:
        def write(line: str) -> None:
            with self._lock, self._log.open("a", encoding="utf-8") as file:
                if file.tell() < 8 * 1024 * 1024:
                    file.write(f"[{version}] {line}\n")

        return write

    def _role(self) -> str:
        answer = self._aws.client("iam").create_role(RoleName=f"{self.name[:50]}-role", AssumeRolePolicyDocument="{}")
        return str(answer["Role"]["Arn"])


def _zipped(path: Path, release: int) -> bytes:
    """Zip the handler's file; the release's number makes each package a new one, as a build would."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w") as archive:
        archive.writestr(path.name, path.read_bytes())
        archive.writestr("release", str(release))
    return blob.getvalue()
