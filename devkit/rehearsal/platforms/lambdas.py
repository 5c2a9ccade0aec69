"""A Lambda function under CodeDeploy: published versions, and an alias with weights for two of them."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from typing import TYPE_CHECKING, Any

from ..engine import Halt
from ..functions import LocalLambda, arn, environment
from ..sandbox import FunctionSpec
from ..users import RequestCounts, UserTraffic

if TYPE_CHECKING:
    from pathlib import Path

    from ..aws.server import LocalAws
    from ..configurations import Configuration
    from ..scenario import Release, Scenario

ALIAS = "live"
_ROLE_KEY = "AKIAREHEARSALSERVICE"


class LambdaPlatform:
    """Lambda function of one scenario, for all its deployments."""

    def __init__(self, aws: LocalAws, scenario: Scenario, functions: LocalLambda, results: Path) -> None:
        """Store the settings; `prepare` creates the function. `results` is the folder for its log."""
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
        self.request_counts = RequestCounts()
        self.green_key = ""

    @property
    def name(self) -> str:
        """Name of the function."""
        return f"{self._scenario.resource}-function"

    def prepare(self) -> None:
        """Publish blue and point the alias at it."""
        self._blue = self._publish(self._scenario.file.blue)
        self._lambda.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion=self._blue)

    def group_settings(self) -> dict[str, Any]:
        """Return no settings: a deployment group for Lambda does not name a function."""
        return {}

    def ca_file(self) -> str:
        """Return "": there is no certificate."""
        return ""

    def users(self) -> UserTraffic:
        """Return traffic for the live alias."""
        payload = json.dumps(self._scenario.file.users.payload).encode()

        def ask() -> bool:
            pool = self._functions.pool(self.name, ALIAS)
            if pool is None:
                return False
            succeeded = not pool.invoke(payload).error
            with self._lock:
                self.request_counts.add(pool.spec.version, succeeded=succeeded)
            return succeeded

        return UserTraffic(ask, self._scenario.file.users.rate)

    def prepare_deployment(self, release: Release, _configuration: Configuration, *, test_listener: bool) -> bool:  # noqa: ARG002
        """Publish the version, as `sam deploy` does first; return False if an earlier green still had traffic."""
        is_clean = not self._weight
        if not is_clean:
            self.restore_blue()
        self._green = self.green_key = self._publish(release)
        return is_clean

    def count_requests(self, _total: int) -> None:
        """Skip counting: `users` counts each call at once."""

    def end_retired(self) -> None:
        """Skip stopping: old versions stay."""

    def close(self) -> None:
        """Skip stopping: the local Lambda stops its functions."""

    # Actions of CodeDeploy

    def install(self, _deployment_id: str, /) -> None:
        """Skip installing: Lambda has no Install event."""

    def allow_test_traffic(self) -> None:
        """Skip test traffic: Lambda has none."""

    def shift(self, percent: int, /) -> None:
        """Send this percentage of the alias's calls to green.

        Raises:
            Halt: The alias was changed outside of the deployment.
        """
        current = self._lambda.get_alias(FunctionName=self.name, Name=ALIAS)["FunctionVersion"]
        if current not in (self._blue, self._green):
            raise Halt("INVALID_LAMBDA_CONFIGURATION", "The alias does not point to the AppSpec's current version.")
        if percent < 100:
            self._update_alias(self._blue, {self._green: percent / 100})
        else:
            self._update_alias(self._green, {})
        self._weight = percent / 100

    def restore_blue(self) -> None:
        """Point the alias at blue alone."""
        self._update_alias(self._blue, {})
        self._weight = 0.0

    def promote_green(self) -> None:
        """Make green the blue of the next deployment."""
        self._blue, self._weight = self._green, 0.0

    def target(self) -> dict[str, Any]:
        """Return the Lambda target."""
        return self._target(self._blue, self._green, self._weight)

    def rollback_target(self) -> dict[str, Any]:
        """Return the Lambda target of the rollback deployment."""
        return self._target(self._green, self._blue, 1.0 - self._weight)

    def _target(self, current: str, target: str, weight: float) -> dict[str, Any]:
        return {
            "deploymentTargetType": "LambdaTarget",
            "lambdaTarget": {
                "targetId": f"{self.name}:{ALIAS}",
                "lambdaFunctionInfo": {
                    "functionName": self.name,
                    "functionAlias": ALIAS,
                    "currentVersion": current,
                    "targetVersion": target,
                    "targetVersionWeight": weight,
                },
            },
        }

    def _update_alias(self, version: str, additional_weights: dict[str, float]) -> None:
        self._lambda.update_alias(
            FunctionName=self.name,
            Name=ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": additional_weights},
        )

    def _publish(self, release: Release) -> str:
        self._releases += 1
        file, _, handler = str(release.function).rpartition(":")
        path = (self._scenario.folder / file).resolve()
        module = path.stem
        variables = release.variables()
        code = _build_package(path, self._releases)
        if self._releases == 1:
            self._lambda.create_function(
                FunctionName=self.name,
                Runtime="python3.13",
                Role=self._create_role(),
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
            on_line=self._log_writer(version),
        )
        return version

    def _log_writer(self, version: str) -> Any:
        def write(line: str) -> None:
            with self._lock, self._log.open("a", encoding="utf-8") as file:
                if file.tell() < 8 * 1024 * 1024:
                    file.write(f"[{version}] {line}\n")

        return write

    def _create_role(self) -> str:
        response = self._aws.client("iam").create_role(RoleName=f"{self.name[:50]}-role", AssumeRolePolicyDocument="{}")
        return str(response["Role"]["Arn"])


def _build_package(path: Path, release: int) -> bytes:
    """Return a zip with the handler's file; the release's number makes each package different, as a build does."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w") as archive:
        archive.writestr(path.name, path.read_bytes())
        archive.writestr("release", str(release))
    return blob.getvalue()
