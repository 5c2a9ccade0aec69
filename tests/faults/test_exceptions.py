"""Shadows and overrides in the real hook: their use is reported, and an invalid or unreadable one has no effect."""

from __future__ import annotations

import datetime
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.gate import Gate, HookCall, checks, new_deployment
from tests.support.wire import Peer, Server, answer, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.codedeploy_fake import CodeDeploy

TODAY = datetime.datetime.now(datetime.UTC)
SOON = (TODAY + datetime.timedelta(days=30)).date().isoformat()
GOOD = {"name": "good", "fine": {}}
RAISES = {"name": "bad", "misbehaves": {"fault": "raises"}}
OVERRIDABLE = {**RAISES, "severity": "required-with-override"}


def in_shadow(*entries: dict[str, Any], until: str = SOON) -> str:
    return json.dumps({**json.loads(checks(*entries)), "shadow": {"until": until, "why": "first weeks"}})


class Store:
    """An S3 with one bucket, which holds overrides and nothing else."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requested_paths: list[str] = []
        self.listing: Callable[[Peer], None] | None = None
        self.server = Server(self._serve)

    def _serve(self, peer: Peer) -> None:
        while True:
            line, _, _ = peer.request()
            path = urllib.parse.unquote(line.split(" ")[1])
            self.requested_paths.append(path)
            key = path.partition("?")[0].removeprefix("/plans/")
            if "list-type=2" in path:
                if self.listing:
                    self.listing(peer)
                    return
                peer.send(self._list_objects())
            elif key in self.objects:
                stored = TODAY.strftime("%a, %d %b %Y %H:%M:%S GMT")
                peer.send(answer(200, self.objects[key], f"last-modified: {stored}", "x-amz-version-id: v1"))
            else:
                peer.send(answer(404, b"<Error><Code>NoSuchKey</Code></Error>"))

    def _list_objects(self) -> bytes:
        stored = TODAY.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{stored}</LastModified><Size>1</Size></Contents>"
            for key in self.objects
        )
        return answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def list_count(self) -> int:
        return sum("list-type=2" in path for path in self.requested_paths)

    def add_override(self, deployment: str, **changes: Any) -> None:
        override = {
            "schema": "greenlight.override/1",
            "who": "someone",
            "why": "the probe is broken",
            "created": TODAY.isoformat(),
            "expires": (TODAY + datetime.timedelta(hours=1)).isoformat(),
            "scope": {"deployment": deployment},
            "checks": ["bad"],
            **changes,
        }
        self.objects["overrides/shop/web/1.json"] = json.dumps(override).encode()


@pytest.fixture(scope="module")
def shadow_gate(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """Start a warm environment in an installation that allows shadows."""
    folder = tmp_path_factory.mktemp("shadow")
    with Gate(folder, codedeploy, timeout_s=16, GREENLIGHT_ALLOW_SHADOW="true") as gate:
        yield gate


@pytest.fixture
def default_gate(tmp_path: Path, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """Start an environment in an installation with the default settings, which allow no shadow and no override."""
    with Gate(tmp_path, codedeploy, timeout_s=16) as gate:
        yield gate


@pytest.fixture(scope="module")
def module_store() -> Iterator[Store]:
    """Start one store for all tests: a warm environment keeps its address."""
    store = Store()
    with store.server:
        yield store


@pytest.fixture(scope="module")
def gate_with_store(
    tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy, module_store: Store
) -> Iterator[Gate]:
    """Start a warm environment that reads overrides from the store."""
    folder = tmp_path_factory.mktemp("override")
    settings = {"GREENLIGHT_PLAN_BUCKET": "plans", "AWS_ENDPOINT_URL_S3": module_store.server.url}
    with Gate(folder, codedeploy, timeout_s=8, **settings) as gate:
        gate.call()
        yield gate


@pytest.fixture
def store(module_store: Store) -> Store:
    """Return the store, emptied."""
    module_store.objects.clear()
    module_store.requested_paths.clear()
    module_store.listing = None
    return module_store


def would_have_been(call: HookCall) -> str:
    return str(call.log_line("verdict").get("shadow", {}).get("would_have_been"))


def metric(call: HookCall, name: str) -> float:
    call.log_line("answered")
    return float(call.metrics().get(name, [0.0])[0])


# ---- Shadow


def test_a_shadow_that_the_operator_does_not_allow_has_no_effect(default_gate: Gate) -> None:
    call = default_gate.call(in_shadow(GOOD, RAISES))

    assert call.answers == ["Failed"]
    assert would_have_been(call) == "None"


@pytest.mark.parametrize("fault", ["raises", "kills itself", "exits at once", "returns None"])
def test_a_gate_in_a_shadow_succeeds_and_reports_the_verdict_that_it_would_have_given(
    shadow_gate: Gate, fault: str
) -> None:
    call = shadow_gate.call(in_shadow(GOOD, {"name": "bad", "misbehaves": {"fault": fault}}))

    assert (call.answers, call.returned) == (["Succeeded"], {"verdict": "Succeeded", "told": True})
    assert would_have_been(call) == "Failed"
    assert ("GATE_ERROR", "bad") in [
        (reason["cause"], reason["check"]) for reason in call.log_line("verdict")["reasons"]
    ]
    assert metric(call, "GateShadowed") == 1


def test_a_good_release_in_a_shadow_would_have_succeeded(shadow_gate: Gate) -> None:
    call = shadow_gate.call(in_shadow(GOOD))

    assert (call.answers, would_have_been(call), call.reasons()) == (["Succeeded"], "Succeeded", [])
    assert metric(call, "GateShadowed") == 0


def test_a_secret_that_cannot_be_read_does_not_end_a_shadow(shadow_gate: Gate) -> None:
    call = shadow_gate.call(in_shadow({"name": "c", "misbehaves": {"fault": "raises", "text": "${secret:ssm:/x}"}}))

    assert (call.answers, would_have_been(call)) == (["Succeeded"], "Failed")
    assert call.reasons()[0][0] == "GATE_ERROR"


@pytest.mark.parametrize(
    "plan",
    [
        in_shadow(GOOD, until="2020-01-01"),
        in_shadow(GOOD, until=(TODAY + datetime.timedelta(days=200)).date().isoformat()),
        in_shadow({"name": "c", "no_such": {}}),
        in_shadow({"name": "c", "fine": {"aftr": 1}}),
        in_shadow(GOOD, GOOD),
        in_shadow(GOOD).replace('"why"', '"because"'),
        in_shadow(GOOD) + "}",
        checks(RAISES),
    ],
    ids=[
        "expired",
        "too far ahead",
        "unknown validator",
        "unknown parameter",
        "duplicate",
        "no why",
        "invalid YAML",
        "no shadow",
    ],
)
def test_a_shadow_that_is_not_valid_has_no_effect(shadow_gate: Gate, plan: str) -> None:
    call = shadow_gate.call(plan.replace('"fine": {}', '"misbehaves": {"fault": "raises"}'))

    assert call.answers == ["Failed"]
    assert would_have_been(call) == "None"


# ---- Overrides


def call_with_override(gate: Gate, store: Store, plan: str, **changes: Any) -> HookCall:
    """Store an override for a new deployment, and call the hook for it."""
    deployment, execution = new_deployment(gate.codedeploy)
    store.add_override(deployment, **changes)
    event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}
    call = gate.call(plan, event=event)
    call.answers = gate.statuses(execution)
    return call


def test_a_matching_override_lets_the_release_through_and_is_logged_and_measured(
    gate_with_store: Gate, store: Store
) -> None:
    call = call_with_override(gate_with_store, store, checks(GOOD, OVERRIDABLE))

    assert call.answers == ["Succeeded"]
    override = call.log_line("override honoured")["override"]
    assert (override["check"], override["who"], override["why"]) == ("bad", "someone", "the probe is broken")
    assert (override["uri"], override["version_id"]) == ("s3://plans/overrides/shop/web/1.json", "v1")
    assert metric(call, "OverridesHonoured") == 1


@pytest.mark.parametrize(
    ("plan", "changes"),
    [
        (checks(GOOD, RAISES), {}),
        (checks(OVERRIDABLE), {}),
        (checks(GOOD, OVERRIDABLE, {**RAISES, "name": "worse"}), {}),
        (checks(GOOD, OVERRIDABLE), {"scope": {"deployment": "d-OTHER1234"}}),
        (checks(GOOD, OVERRIDABLE), {"checks": ["*"]}),
        (checks(GOOD, OVERRIDABLE), {"expires": TODAY.isoformat()}),
        (checks(GOOD, OVERRIDABLE), {"why": ""}),
        (checks(GOOD, {**OVERRIDABLE, "no_such": {}}), {}),
    ],
    ids=[
        "blocking",
        "no evidence",
        "another check fails",
        "another scope",
        "wildcard",
        "expired",
        "no why",
        "invalid plan",
    ],
)
def test_an_override_that_does_not_match_has_no_effect(
    gate_with_store: Gate, store: Store, plan: str, changes: dict[str, Any]
) -> None:
    assert call_with_override(gate_with_store, store, plan, **changes).answers == ["Failed"]


def test_overrides_are_read_only_when_one_could_change_the_verdict(gate_with_store: Gate, store: Store) -> None:
    for plan, list_count in (
        (checks(GOOD, RAISES), 0),
        (checks({**GOOD, "severity": "required-with-override"}), 0),
        (checks(GOOD, {**OVERRIDABLE, "severity": "advisory"}), 0),
        (checks(GOOD, OVERRIDABLE), 1),
    ):
        store.requested_paths.clear()
        call = gate_with_store.call(plan)
        assert store.list_count() == list_count, (plan, call.reasons(), store.requested_paths)


@pytest.mark.parametrize(
    "listing",
    [
        hang,
        lambda peer: peer.send(answer(403, b"<Error><Code>AccessDenied</Code></Error>")),
        lambda peer: peer.send(answer(500, b"oops")),
        lambda peer: peer.send(answer(200, b"not xml at all")),
        lambda peer: peer.reset(),
    ],
    ids=["hangs", "denied", "fails", "invalid XML", "resets"],
)
def test_unreadable_overrides_leave_the_gate_failed_and_answered_in_time(
    gate_with_store: Gate, store: Store, listing: Callable[[Peer], None]
) -> None:
    store.listing = listing

    call = call_with_override(gate_with_store, store, checks(GOOD, OVERRIDABLE))

    assert (call.error, call.answers) == ("", ["Failed"])  # a function that timed out would have an error
    gate_with_store.close()  # a request that still waits in this environment would be sent during the next test
