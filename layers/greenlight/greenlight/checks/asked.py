"""Record of whom an attempt asked: green, blue, another host, or AWS; and of the exchanges that failed.

The engine chooses every address and makes every AWS call, so it knows who answered. Validators do not write the record:
a check whose answers came from blue must not count as evidence that green works.
"""

from __future__ import annotations

import contextlib
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any

from greenlight.checks.connections import ConnectionObserver, TunnelObserver
from greenlight.checks.observations import OBSERVING_SERVICES, shows_green_under_traffic
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Asked, Evidence, Outcome
from greenlight.core.frozen import FrozenStruct
from greenlight.network.gateway_answers import is_made_by_gateway
from greenlight.network.request_target import accepts_host, accepts_path, find_taken, is_sent_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from greenlight.core.deployment import Deployment, Side
    from greenlight.core.finding import Finding
    from greenlight.network.client import Response

_READS_OF_A_VERSION = (
    "get_function",
    "get_function_configuration",
    "get_function_code_signing_config",
    "get_provisioned_concurrency_config",
)
MAX_FAILURES = 50
"""Most failed exchanges that are kept; a burst of requests may have thousands."""
_PASSED_THROUGH = ("TCP", "TCP_UDP")
"""Protocols of listeners whose connections a target accepts; of a listener that is not known, none."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Failure(FrozenStruct, frozen=True, kw_only=True):
    """A failed exchange.

    Attributes:
        message: The error.
        root: The failure that other checks may share (`GreenlightError.root`).
        place: The exchange, such as `GET http://…`.
        expected: The result of an exchange that succeeds.
    """

    message: str
    root: str
    place: str
    expected: str

    def is_in(self, text: str) -> bool:
        """Return whether a text is about this failure."""
        return self.message in text or bool(self.root and self.root in text)

    def to_evidence(self) -> Evidence:
        """Return the failure as evidence."""
        return Evidence(query="exchange", expected=self.expected, actual=self.message, where=self.place)


class ExchangeRecorder:
    """Counts of the exchanges of one attempt that were answered; safe to use from several threads."""

    def __init__(self, deployment: Deployment) -> None:
        """Count nothing yet."""
        self._deployment = deployment
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(Asked.__struct_fields__, 0)
        self._redirects: dict[str, None] = {}
        self._has_unconfirmed = False
        self._images: set[str] = set()
        self._tasks: set[str] = set()
        self._failures: dict[str, Failure] = {}

    def asked(self) -> Asked:
        """Return the counts so far."""
        with self._lock:
            return Asked(**self._counts)

    def count_response(self, side_name: str, path_or_url: str, sent: Mapping[str, str], response: Response) -> None:
        """Count an HTTP response for the host that gave it, which after redirects is the last one.

        Args:
            side_name: `green` or `blue`, the side that a path goes to.
            path_or_url: As the check wrote it.
            sent: The headers of the request.
            response: The response.
        """
        key = self._classify_response(side_name, path_or_url, sent, response)
        self._add(key)
        if response.hops and key in ("blue", "other") and side_name == "green":
            self._add_redirect(response)

    def count_proxied(self, method: str, sent: Mapping[str, str], response: Response) -> None:
        """Count the response to a request of another process, which chose address, path and headers itself."""
        if find_taken(self._deployment.green, response.url, dict(sent), method):
            self._add("other")
        else:
            self.count_response("green", response.url, sent, response)

    def redirects(self) -> tuple[str, ...]:
        """Return the URLs, without their queries, that answered in place of green after a redirect."""
        with self._lock:
            return tuple(self._redirects)

    def _add_redirect(self, response: Response) -> None:
        if _origin(response.hops[0]) == _origin(self._deployment.green.url):
            with self._lock:
                self._redirects[response.url.partition("?")[0].partition("#")[0]] = None

    def _classify_response(self, side_name: str, path_or_url: str, sent: Mapping[str, str], response: Response) -> str:
        green, blue = self._deployment.green, self._deployment.blue
        origin = _origin(response.url)
        shares_origin = origin == _origin(blue.url)
        if origin != _origin(green.url):
            return "blue" if shares_origin else "other"
        is_greens = _satisfies_rule(green, sent, response.url)
        if shares_origin:
            # One listener serves both sides, so the rule decides: its path, and headers that the check left alone.
            is_greens = is_greens and side_name == "green" and is_sent_to(green, path_or_url) and _has_rule(green, sent)
        if is_greens:
            return "balancer" if is_made_by_gateway(response) else "green"
        return "blue" if shares_origin else "other"

    def observe_connection(self, host: str, port: int) -> ConnectionObserver:
        """Return the observer of a connection for another protocol than HTTP."""
        return ConnectionObserver(self._add, self._classify_endpoint(host, port))

    def observe_tunnel(self, host: str, port: int) -> TunnelObserver:
        """Return the observer of a connection of another process, whose bytes may be encrypted."""
        return TunnelObserver(self._add, self._classify_endpoint(host, port), self._add_unconfirmed)

    def needs_confirmation(self) -> bool:
        """Return whether a request was answered whose encryption hides by whom: by green, or by its load balancer."""
        with self._lock:
            return self._has_unconfirmed and not self._counts["green"]

    def _add_unconfirmed(self) -> None:
        green = self._deployment.green
        if not (green.headers or green.path_patterns or green.host_patterns or green.rules_above):
            with self._lock:
                self._has_unconfirmed = True  # the listener leads to green whatever the request is

    def _classify_endpoint(self, host: str, port: int) -> str:
        green, endpoint = self._deployment.green, (host.lower(), port)
        if endpoint == _origin(self._deployment.blue.url)[1:]:  # also where green shares it: no rule chose green
            return "blue"
        if endpoint != _origin(green.url)[1:]:
            return "other"
        return "green" if green.protocol in _PASSED_THROUGH else "balancer"

    def count_call(
        self, service: str, operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any]
    ) -> None:
        """Count an AWS call that AWS answered."""
        self._add(self._classify_call(service, operation, parameters, response))

    @contextlib.contextmanager
    def record_failure(self, place: str, expected: str) -> Iterator[None]:
        """Record the error of the exchange in this block; of many failures only the first are kept.

        Args:
            place: The exchange, such as `GET http://…`.
            expected: The result of an exchange that succeeds.
        """
        try:
            yield
        except GreenlightError as error:
            failure = Failure(message=str(error), root=error.root, place=place, expected=expected)
            with self._lock:
                if len(self._failures) < MAX_FAILURES:
                    self._failures.setdefault(failure.message, failure)
            raise

    def failure_behind(self, finding: Finding) -> Failure | None:
        """Return the failed exchange that a finding is about; None if it did not fail, or failed for anything else."""
        if finding.outcome is Outcome.PASS:
            return None
        with self._lock:
            failures = list(self._failures.values())
        actual_values = [str(item.actual) for item in finding.evidence if not item.passed]
        for failure in reversed(failures):
            if all(failure.is_in(text) for text in (finding.message, *actual_values)):
                return failure
        return None

    def _add(self, key: str, count: int = 1) -> None:
        with self._lock:
            self._counts[key] += count

    def _classify_call(
        self, service: str, operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any]
    ) -> str:
        if service == "lambda" and operation == "invoke":
            return _classify_invocation(self._deployment, parameters, response)
        if service in OBSERVING_SERVICES:
            shows_green = shows_green_under_traffic(
                self._deployment, self._tasks, (service, operation), parameters, response
            )
            return "green_metrics" if shows_green else "aws"
        return "green_resource" if self._reads_green(service, operation, parameters, response) else "aws"

    def _reads_green(
        self, service: str, operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any]
    ) -> bool:
        green = self._deployment.green
        if (service, operation) == ("elbv2", "describe_target_health"):
            return bool(green.target_group) and parameters.get("TargetGroupArn") == green.target_group
        if service == "lambda" and operation in _READS_OF_A_VERSION:
            self._images |= set(filter(None, [response.get("Code", {}).get("ImageUri")]))
            return bool(green.version) and _qualifier(self._deployment, parameters) == green.version
        if service == "ecs":
            return self._reads_green_in_ecs(operation, parameters, response)
        if service == "ecr":
            repository = str(parameters.get("repositoryName", ""))
            return bool(repository) and any(_is_from(image, repository) for image in self._images)
        return False

    def _reads_green_in_ecs(self, operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
        green = self._deployment.green
        if operation == "describe_task_definition":
            if not green.task_definition or parameters.get("taskDefinition") != green.task_definition:
                return False
            containers = response.get("taskDefinition", {}).get("containerDefinitions", [])
            self._images |= {str(container.get("image", "")) for container in containers}
            return True
        if not green.task_set:
            return False
        if operation == "describe_tasks":
            tasks = [task for task in response.get("tasks", []) if task.get("startedBy") == green.task_set]
            self._tasks |= {str(task.get("taskArn", "")).rpartition("/")[2] for task in tasks} - {""}
            return bool(tasks)
        if operation in ("describe_services", "describe_task_sets"):
            task_sets = [*response.get("taskSets", [])]
            for service in response.get("services", []):
                task_sets += service.get("taskSets", [])
            return any(green.task_set in (task_set.get("id"), task_set.get("taskSetArn")) for task_set in task_sets)
        return False


def sum_asked(counts: Iterable[Asked]) -> Asked:
    """Return the sum of the counts of several attempts."""
    items = list(counts)
    return Asked(**{name: sum(getattr(item, name) for item in items) for name in Asked.__struct_fields__})


def _classify_invocation(deployment: Deployment, parameters: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """Return whose invocation it was; an asynchronous one or a dry run has no answer of any version."""
    qualifier, executed = _qualifier(deployment, parameters), response.get("ExecutedVersion")
    if parameters.get("InvocationType", "RequestResponse") != "RequestResponse" or not qualifier or not executed:
        return "aws"
    for name, side in (("green", deployment.green), ("blue", deployment.blue)):
        if executed == side.version and qualifier in (side.version, deployment.alias):
            return name
    return "other"


def _qualifier(deployment: Deployment, parameters: Mapping[str, Any]) -> str:
    """Return the version or alias that a call names; "" if it names another function or none of them."""
    parts = str(parameters.get("FunctionName", "")).split(":")
    if "function" in parts:  # an ARN, or the part of one from the account on
        parts = parts[parts.index("function") + 1 :]
    if not deployment.function or not parts or parts[0] != deployment.function:
        return ""
    return str(parameters.get("Qualifier") or (parts[1] if len(parts) > 1 else ""))


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL; ("", "", 0) without a URL, which equals no origin of a response."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0


def _satisfies_rule(side: Side, sent: Mapping[str, str], url: str) -> bool:
    """Return whether the rule that leads to `side` takes a request: its path, its headers and its host name."""
    provided = {name.lower(): value for name, value in sent.items()}
    if not accepts_path(side, url) or any(provided.get(name.lower()) != side.headers[name] for name in side.headers):
        return False
    host = provided.get("host") or side.host or urllib.parse.urlsplit(url).netloc
    return accepts_host(side, host)


def _has_rule(side: Side, sent: Mapping[str, str]) -> bool:
    """Return whether a request has the headers that the rule of `side` asks for."""
    provided = {name.lower(): value for name, value in sent.items()}
    is_renamed = bool(side.host) and provided.get("host", side.host) != side.host
    return not is_renamed and all(provided.get(name.lower()) == value for name, value in side.headers.items())


def _is_from(image: str, repository: str) -> bool:
    name = image.partition("@")[0]
    head, _, tag = name.rpartition(":")
    return (head if head and "/" not in tag else name).partition("/")[2] == repository
