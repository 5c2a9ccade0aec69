"""Shadows and overrides in the real hook: what opens a gate does so loudly, and whatever goes wrong with it leaves it closed."""

from __future__ import annotations

import datetime
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.codedeploy_fake import CodeDeploy
from tests.support.gate import Gate, Outcome, checks, new_deployment
from tests.support.wire import Peer, Server, answer, hang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TODAY = datetime.datetime.now(datetime.UTC)
SOON = (TODAY + datetime.timedelta(days=30)).date().isoformat()
GOOD = {"name": "good", "fine": {}}
RAISES = {"name": "bad", "misbehaves": {"how": "raises"}}
OVERRIDABLE = {**RAISES, "severity": "required-with-override"}


def shadowed(*entries: dict[str, Any], until: str = SOON) -> str:
    return json.dumps({**json.loads(checks(*entries)), "shadow": {"until": until, "why": "getting to know it"}})


class Store:
    """An S3 with one folder of overrides, and nothing else."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.listing: Callable[[Peer], None] | None = None
        self.server = Server(self._serve)

    def _serve(self, peer: Peer) -> None:
        while True:
            line, _, _ = peer.request()
            path = urllib.parse.unquote(line.split(" ")[1])
            self.asked.append(path)
            key = path.partition("?")[0].removeprefix("/plans/")
            if "list-type=2" in path:
                if self.listing:
                    self.listing(peer)
                    return
                peer.send(self._listed())
            elif key in self.objects:
                stored = TODAY.strftime("%a, %d %b %Y %H:%M:%S GMT")
                peer.send(answer(200, self.objects[key], f"last-modified: {stored}", "x-amz-version-id: v1"))
            else:
                peer.send(answer(404, b"<Error><Code>NoSuchKey</Code></Error>"))

    def _listed(self) -> bytes:
        stored = TODAY.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{stored}</LastModified><Size>1</Size></Contents>"
            for key in self.objects
        )
        return answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def lists(self) -> int:
        return sum("list-type=2" in path for path in self.asked)

    def keep(self, deployment: str, **changes: Any) -> None:
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
def codedeploy() -> Iterator[CodeDeploy]:
    with CodeDeploy() as fake:
        yield fake


@pytest.fixture(scope="module")
def shadow(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """A warm environment of an installation that allows shadows."""
    folder = tmp_path_factory.mktemp("shadow")
    with Gate(folder, codedeploy, timeout_s=16, GREENLIGHT_ALLOW_SHADOW="true") as made:
        yield made


@pytest.fixture
def strict(tmp_path: Path, codedeploy: CodeDeploy) -> Iterator[Gate]:
    """An installation as it is when nobody has allowed anything."""
    with Gate(tmp_path, codedeploy, timeout_s=16) as made:
        yield made


@pytest.fixture(scope="module")
def kept() -> Iterator[Store]:
    store = Store()
    with store.server:
        yield store


@pytest.fixture(scope="module")
def gate_with_store(tmp_path_factory: pytest.TempPathFactory, codedeploy: CodeDeploy, kept: Store) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("override")
    where = {"GREENLIGHT_PLAN_BUCKET": "plans", "AWS_ENDPOINT_URL_S3": kept.server.url}
    with Gate(folder, codedeploy, timeout_s=8, **where) as made:
        made.call()
        yield made


@pytest.fixture
def store(kept: Store) -> Store:
    """The bucket, empty again."""
    kept.objects.clear()
    kept.asked.clear()
    kept.listing = None
    return kept


def would_have(run: Outcome) -> str:
    return str(run.said("verdict").get("shadow", {}).get("would_have_been"))


def metric(run: Outcome, name: str) -> float:
    run.said("answered")
    return float(run.metrics().get(name, [0.0])[0])


# ---- Shadow


def test_a_shadow_that_the_operator_does_not_allow_changes_nothing(strict: Gate) -> None:
    run = strict.call(shadowed(GOOD, RAISES))

    assert run.answers == ["Failed"]
    assert would_have(run) == "None"


@pytest.mark.parametrize("how", ["raises", "kills itself", "exits at once", "gives nothing"])
def test_in_its_shadow_a_gate_says_succeeded_and_what_it_would_have_said(shadow: Gate, how: str) -> None:
    run = shadow.call(shadowed(GOOD, {"name": "bad", "misbehaves": {"how": how}}))

    assert (run.answers, run.returned) == (["Succeeded"], {"verdict": "Succeeded", "told": True})
    assert would_have(run) == "Failed"
    assert ("GATE_ERROR", "bad") in [(each["cause"], each["check"]) for each in run.said("verdict")["reasons"]]
    assert metric(run, "GateShadowed") == 1


def test_a_good_release_in_a_shadow_would_have_succeeded(shadow: Gate) -> None:
    run = shadow.call(shadowed(GOOD))

    assert (run.answers, would_have(run), run.reasons()) == (["Succeeded"], "Succeeded", [])
    assert metric(run, "GateShadowed") == 0


def test_a_secret_that_cannot_be_read_does_not_end_a_shadow(shadow: Gate) -> None:
    run = shadow.call(shadowed({"name": "c", "misbehaves": {"how": "raises", "text": "${secret:ssm:/x}"}}))

    assert (run.answers, would_have(run)) == (["Succeeded"], "Failed")
    assert run.reasons()[0][0] == "GATE_ERROR"


@pytest.mark.parametrize(
    "plan",
    [
        shadowed(GOOD, until="2020-01-01"),
        shadowed(GOOD, until=(TODAY + datetime.timedelta(days=200)).date().isoformat()),
        shadowed({"name": "c", "no_such": {}}),
        shadowed({"name": "c", "fine": {"aftr": 1}}),
        shadowed(GOOD, GOOD),
        shadowed(GOOD).replace('"why"', '"because"'),
        shadowed(GOOD) + "}",
        checks(RAISES),
    ],
    ids=["over", "far ahead", "no validator", "no parameter", "twice", "without why", "no YAML", "no shadow"],
)
def test_what_is_not_surely_a_shadow_is_none(shadow: Gate, plan: str) -> None:
    run = shadow.call(plan.replace('"fine": {}', '"misbehaves": {"how": "raises"}'))

    assert run.answers == ["Failed"]
    assert would_have(run) == "None"


# ---- Overrides


def overridden(gate: Gate, store: Store, plan: str, **changes: Any) -> Outcome:
    deployment, execution = new_deployment(gate.codedeploy)
    store.keep(deployment, **changes)
    event = {"DeploymentId": deployment, "LifecycleEventHookExecutionId": execution}
    run = gate.call(plan, event=event)
    run.answers = [status for _, known, status in gate.codedeploy.answers if known == execution]
    return run


def test_an_honoured_override_opens_the_gate_and_is_told_everywhere(gate_with_store: Gate, store: Store) -> None:
    run = overridden(gate_with_store, store, checks(GOOD, OVERRIDABLE))

    assert run.answers == ["Succeeded"]
    told = run.said("override honoured")["override"]
    assert (told["check"], told["who"], told["why"]) == ("bad", "someone", "the probe is broken")
    assert (told["uri"], told["version_id"]) == ("s3://plans/overrides/shop/web/1.json", "v1")
    assert metric(run, "OverridesHonoured") == 1


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
    ids=["blocking", "no evidence", "another fails", "another scope", "wildcard", "over", "no why", "plan is wrong"],
)
def test_an_override_that_does_not_fit_opens_nothing(
    gate_with_store: Gate, store: Store, plan: str, changes: dict[str, Any]
) -> None:
    assert overridden(gate_with_store, store, plan, **changes).answers == ["Failed"]


def test_overrides_are_read_only_where_one_could_matter(gate_with_store: Gate, store: Store) -> None:
    for plan, lists in (
        (checks(GOOD, RAISES), 0),
        (checks({**GOOD, "severity": "required-with-override"}), 0),
        (checks(GOOD, {**OVERRIDABLE, "severity": "advisory"}), 0),
        (checks(GOOD, OVERRIDABLE), 1),
    ):
        store.asked.clear()
        run = gate_with_store.call(plan)
        assert store.lists() == lists, (plan, run.reasons(), store.asked)


@pytest.mark.parametrize(
    "listing",
    [
        hang,
        lambda peer: peer.send(answer(403, b"<Error><Code>AccessDenied</Code></Error>")),
        lambda peer: peer.send(answer(500, b"oops")),
        lambda peer: peer.send(answer(200, b"not xml at all")),
        lambda peer: peer.reset(),
    ],
    ids=["hangs", "denied", "fails", "rubbish", "resets"],
)
def test_overrides_that_cannot_be_read_leave_the_gate_closed_and_in_time(
    gate_with_store: Gate, store: Store, listing: Callable[[Peer], None]
) -> None:
    store.listing = listing

    run = overridden(gate_with_store, store, checks(GOOD, OVERRIDABLE))

    assert (run.error, run.answers) == ("", ["Failed"])  # an error is what the end of the function's time would be
    gate_with_store.__exit__()  # what still waits in this environment would ask during the next test
