"""The step Prepare: find the deployment and its plan, and divide the checks for the functions that run them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.core.deployment import SHIFT
from greenlight.core.errors import SettingsError
from greenlight.core.report import DEFAULT_CHECKS
from greenlight.gate.conductor import MACHINE_CHECKS_S
from greenlight.gate.fail_closed import run_fail_closed
from greenlight.gate.result import GateResult
from greenlight.gate.run_state import discover_and_prepare
from greenlight.gate.shadow import apply_shadow
from greenlight.gate.supervise import waived_result
from greenlight.machine.callers import check_current, find_deployment
from greenlight.machine.documents import GateDocument, PlanText
from greenlight.machine.shards import Division, divide
from greenlight.machine.step import begin
from greenlight.stores.plan_lookup import PlanReader

if TYPE_CHECKING:
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared
    from greenlight.machine.step import Step
    from greenlight.plan.model import Plan


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    """Prepare a gate and return the state of its checks for the state machine.

    Raises:
        AwsError: The document could not be written.
        SettingsError: A setting is not valid.
    """
    step = begin(payload, context)
    outcome = run_fail_closed(step.state, step.log, lambda: _prepare(step))
    if isinstance(outcome, GateResult):
        document = GateDocument(
            deployment=outcome.deployment,
            started_at=step.started_at,
            shadow=step.state.shadow,
            is_watched=step.state.is_watched,
            result=outcome,
        )
        probe, bake_s = "", 0.0
    else:
        document, probe, bake_s = outcome
    reference = step.documents.write("prepared", document)
    # The empty wave is the one after the last, which the state machine selects before it compares numbers.
    waves = [*map(list, document.waves), []]
    return {
        "document": msgspec.to_builtins(reference),
        "probe": probe,
        "bake_s": math.ceil(bake_s),
        "waves": waves,
        "wave_count": len(document.waves),
        "shards": waves[0],
    }


def _prepare(step: Step) -> tuple[GateDocument, str, float] | GateResult:
    """Return the document of the gate, the name of the function for its checks, and the wait before them."""
    if step.problem is not None:
        raise step.problem
    aws = step.aws.repeating(step.state.read_until)
    reader = PlanReader(aws, step.settings)
    if step.gate.is_called:
        step.state.deployment = replace(step.state.deployment, id=find_deployment(aws, step.gate))
        check_current(aws, step.state.deployment.id)
    prepared = discover_and_prepare(step.state, aws, reader)
    if prepared.plan.waived:
        return apply_shadow(waived_result(prepared), step.state.shadow, step.settings)
    plan, fragments = _plan_texts(prepared, reader)
    if step.gate.stage == SHIFT:  # a round has to be short, so one process runs it
        division = Division((tuple(check.name for check in prepared.checks),), ((0,),))
    else:
        division = divide(prepared.checks)
    document = GateDocument(
        deployment=prepared.deployment,
        started_at=step.started_at,
        until=step.started_at + MACHINE_CHECKS_S,
        plan=plan,
        fragments=fragments,
        target=prepared.plan.target,
        shadow=prepared.plan.shadow,
        is_watched=prepared.is_watched,
        shards=division.shards,
        waves=division.waves,
    )
    return document, probe_of(prepared.plan, step.settings), prepared.bake_s


def probe_of(plan: Plan, settings: Settings) -> str:
    """Return the name of the function that runs a plan's checks.

    Raises:
        SettingsError: The plan needs the operator's subnets, and the installation has none.
    """
    if plan.network == "vpc" and not settings.vpc_probe_function:
        raise SettingsError(
            "the plan says network: vpc, but this installation has no subnets for its checks; set its parameters "
            "ProbeSubnetIds and ProbeSecurityGroupIds"
        )
    return settings.vpc_probe_function if plan.network == "vpc" else settings.probe_function


def _plan_texts(prepared: Prepared, reader: PlanReader) -> tuple[PlanText | None, tuple[PlanText, ...]]:
    source = prepared.plan.source
    if source.uri == DEFAULT_CHECKS:
        return None, ()
    plan, *fragments = (
        PlanText(uri=uri, version_id=reader.texts[uri][1], text=reader.texts[uri][0])
        for uri in (source.uri, *(fragment.uri for fragment in source.includes))
    )
    return plan, tuple(fragments)
