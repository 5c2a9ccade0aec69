"""Who answers CodeDeploy when a part of the state machine fails: exactly one answer, and never a wrong Succeeded."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.machine_campaign.stand import Gate, Stand, answer_of, states_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.rehearsal.aws.server import LocalAws


@pytest.fixture
def stand(aws: LocalAws) -> Iterator[Stand]:
    stand = Stand(aws)
    yield stand
    stand.close()


@pytest.mark.parametrize("failure", ["killed", "raised", "timed-out", "unavailable", "cut", "lost"])
def test_probe_that_ends_early_fails_the_gate_and_is_not_repeated(stand: Stand, failure: str) -> None:
    gate = Gate(failures={"probe-1": [failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert gate.calls["probe-1"] == 1
    assert states_of(stand, gate).count("Died") == 1
    assert gate.calls["probe-2"] == 1


@pytest.mark.parametrize("failure", ["killed", "raised", "denied"])
def test_prepare_that_fails_leaves_the_answer_to_the_judge(stand: Stand, failure: str) -> None:
    gate = Gate(failures={"prepare": [failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert states_of(stand, gate) == ["Prepare", "Judge", "Holds", "Answer", "Publish"]


@pytest.mark.parametrize("failure", ["killed", "raised", "denied"])
def test_judge_that_fails_is_answered_for_by_the_machine(stand: Stand, failure: str) -> None:
    gate = Gate(failures={"judge": [failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert states_of(stand, gate)[-2:] == ["AnswerFailed", "Publish"]


@pytest.mark.parametrize("place", ["prepare", "probe-2", "judge"])
@pytest.mark.parametrize("failure", ["empty", "null", "large"])
def test_error_that_the_machine_cannot_catch_is_answered_for_by_the_guardian(
    stand: Stand, place: str, failure: str
) -> None:
    gate = Gate(failures={place: [failure]})
    stand.run(gate)
    assert answer_of(gate) == ("guardian", "Failed")
    assert states_of(stand, gate, "greenlight-guardian") == ["Gate", "Caller", "AnswerFailed", "Record", "Done"]
    assert gate.published == ["abandoned"]


@pytest.mark.parametrize("place", ["prepare", "probe-0", "judge"])
def test_machine_that_times_out_is_answered_for_by_the_guardian_before_the_hour(aws: LocalAws, place: str) -> None:
    stand = Stand(aws, hour_s=8.0)
    try:
        gate = Gate(waves=((0,),), failures={place: ["held"]})
        stand.run(gate)
        assert answer_of(gate) == ("guardian", "Failed")
    finally:
        stand.close()


@pytest.mark.parametrize("place", ["prepare", "probe-1", "judge"])
def test_stopped_guardian_is_answered_for_by_the_last_resort(stand: Stand, place: str) -> None:
    gate = Gate(failures={place: ["stopped"]})
    stand.run(gate)
    assert answer_of(gate) == ("last-resort", "Failed")


def test_event_of_a_stopped_guardian_has_the_form_of_eventbridge(stand: Stand) -> None:
    gate = Gate(failures={"prepare": ["stopped"]})
    stand.run(gate)
    (event,) = stand.events
    assert (event["source"], event["detail-type"]) == ("aws.states", "Step Functions Execution Status Change")
    detail = event["detail"]
    assert (detail["status"], detail["name"], detail["output"]) == ("ABORTED", gate.name, None)
    assert event["resources"] == [detail["executionArn"]]
    assert detail["stopDate"] >= detail["startDate"] > 1_000_000_000_000
    assert json.loads(detail["input"])["execution"] == gate.execution.id


def test_stopped_guardian_whose_event_is_lost_leaves_codedeploy_without_an_answer(stand: Stand) -> None:
    gate = Gate(failures={"probe-1": ["stopped"]}, is_event_lost=True)
    stand.run(gate)
    assert gate.answers == []


def test_guardian_that_may_not_answer_leaves_the_answer_to_the_last_resort(stand: Stand) -> None:
    gate = Gate(failures={"answer": ["denied"] * 20, "guardian-answer": ["denied"] * 20})
    stand.run(gate)
    assert answer_of(gate) == ("last-resort", "Failed")


def test_machine_that_may_not_answer_leaves_the_answer_to_the_guardian(stand: Stand) -> None:
    gate = Gate(failures={"answer": ["denied"] * 20})
    stand.run(gate)
    assert answer_of(gate) == ("guardian", "Failed")


def test_machine_that_cannot_be_started_is_answered_for_by_the_hook(stand: Stand) -> None:
    gate = Gate(failures={"start": ["denied"]})
    stand.run(gate)
    assert answer_of(gate) == ("hook", "Failed")
    assert states_of(stand, gate) == []


def test_start_whose_response_is_lost_gets_one_answer_and_the_machines_is_superseded(stand: Stand) -> None:
    gate = Gate(failures={"start": ["lost"]})
    stand.run(gate)
    assert answer_of(gate) == ("hook", "Failed")
    assert states_of(stand, gate)[-2:] == ["Answer", "Publish"]


@pytest.mark.parametrize("failure", ["throttled", "unavailable", "cut", "denied"])
def test_answer_that_codedeploy_does_not_accept_at_once_is_repeated(stand: Stand, failure: str) -> None:
    gate = Gate(failures={"answer": [failure, failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert gate.calls["answer"] == 3


def test_answer_whose_response_is_lost_counts_once(stand: Stand) -> None:
    gate = Gate(failures={"answer": ["lost"]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert gate.calls["answer"] == 2
    assert states_of(stand, gate)[-1] == "Publish"


@pytest.mark.parametrize("failure", ["killed", "empty", "large", "stopped"])
def test_report_that_cannot_be_published_does_not_change_the_answer(stand: Stand, failure: str) -> None:
    gate = Gate(failures={"publish": [failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")


@pytest.mark.parametrize("place", ["prepare", "judge"])
@pytest.mark.parametrize("failure", ["throttled", "unavailable", "cut", "lost"])
def test_function_that_may_run_twice_is_repeated(stand: Stand, place: str, failure: str) -> None:
    gate = Gate(failures={place: [failure, failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert gate.calls[place] == 3


def test_probe_that_surely_did_not_start_is_repeated(stand: Stand) -> None:
    gate = Gate(failures={"probe-1": ["throttled", "throttled"]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert gate.calls["probe-1"] == 3


def test_broken_release_is_failed_after_all_waves(stand: Stand) -> None:
    gate = Gate(broken=frozenset({0}))
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert gate.calls["probe-2"] == 1


def test_event_that_is_delivered_twice_at_once_runs_one_gate(stand: Stand) -> None:
    gate = Gate()
    stand.run(gate, deliveries=4)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert gate.calls["prepare"] == 1


def test_event_that_is_delivered_again_after_the_end_changes_nothing(stand: Stand) -> None:
    gate = Gate()
    stand.run(gate)
    stand.deliver_event(gate)
    stand.wait(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert gate.calls["prepare"] == 1


def test_gates_at_the_same_time_do_not_affect_each_other(stand: Stand) -> None:
    gates = [Gate(), Gate(broken=frozenset({1})), Gate(failures={"judge": ["empty"]}), Gate(pauses=1)]
    threads = [threading.Thread(target=stand.run, args=(gate,)) for gate in gates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [answer_of(gate)[1] for gate in gates]
    assert statuses == ["Succeeded", "Failed", "Failed", "Succeeded"]


def test_shard_that_is_continued_keeps_its_results_and_the_bake_is_waited_for(stand: Stand) -> None:
    gate = Gate(waves=((0, 1),), pauses=2, bake_s=2400)
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    states = states_of(stand, gate)
    assert (states.count("Bake"), states.count("Pause"), gate.calls["probe-0"]) == (1, 4, 3)


# ---- Callers other than CodeDeploy


def verdict_of(stand: Stand, gate: Gate) -> str:
    """Return the verdict that a caller gets; CodeDeploy must have no answer."""
    assert gate.answers == []
    conclusion = stand.output(gate)
    assert set(conclusion) == {"verdict", "report", "reasons"}
    return str(conclusion["verdict"])


@pytest.mark.parametrize("place", ["prepare", "probe-1", "judge", "publish"])
@pytest.mark.parametrize("failure", ["killed", "raised", "denied", "empty", "null", "large"])
def test_caller_never_gets_succeeded_from_a_gate_whose_function_failed(stand: Stand, place: str, failure: str) -> None:
    gate = Gate(answer="return", failures={place: [failure] * 9})
    stand.run(gate)
    assert verdict_of(stand, gate) == "Failed"


@pytest.mark.parametrize("place", ["prepare", "probe-0", "judge", "publish"])
def test_caller_gets_failed_from_a_machine_that_times_out(aws: LocalAws, place: str) -> None:
    stand = Stand(aws, hour_s=8.0)
    try:
        gate = Gate(answer="return", waves=((0,),), failures={place: ["held"]})
        stand.run(gate)
        assert verdict_of(stand, gate) == "Failed"
        assert gate.published[-1:] == ["abandoned"]
    finally:
        stand.close()


def test_caller_gets_failed_with_the_error_if_no_report_can_be_published(stand: Stand) -> None:
    gate = Gate(answer="return", failures={"publish": ["killed"]})
    stand.run(gate)
    (reason,) = stand.output(gate)["reasons"]
    assert reason["cause"] == "GATE_ERROR"
    assert "Runtime.ExitError" in reason["message"]


def test_caller_gets_failed_even_if_nothing_can_be_recorded(stand: Stand) -> None:
    gate = Gate(answer="return", failures={"judge": ["null"], "abandoned": ["killed"]})
    stand.run(gate)
    assert verdict_of(stand, gate) == "Failed"
    assert states_of(stand, gate, "greenlight-guardian")[-2:] == ["Unrecorded", "Done"]


@pytest.mark.parametrize("place", ["prepare", "judge"])
def test_caller_gets_no_output_from_a_guardian_that_was_stopped(stand: Stand, place: str) -> None:
    gate = Gate(answer="return", failures={place: ["stopped"]})
    stand.run(gate)
    assert stand.output(gate) is None
    assert gate.answers == []


def test_caller_gets_failed_for_a_broken_release(stand: Stand) -> None:
    gate = Gate(answer="return", broken=frozenset({0}))
    stand.run(gate)
    assert verdict_of(stand, gate) == "Failed"
    assert states_of(stand, gate)[-3:] == ["Judge", "Holds", "Publish"]


@pytest.mark.parametrize("answer", ["return", "RETURN", ""])
def test_gate_with_an_answer_of_its_own_is_never_answered_to_codedeploy(stand: Stand, answer: str) -> None:
    gate = Gate(answer=answer, has_answer=True)
    stand.run(gate)
    assert verdict_of(stand, gate) == "Succeeded"  # the functions themselves reject another value


def test_moto_is_restored_at_the_end(aws: LocalAws) -> None:
    # Imported here, because moto's parser takes two seconds, which a run of other tests should not wait for.
    from moto.core.config import default_user_config
    from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
    from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

    def attributes() -> list[object]:
        owners = (WaitFunction, "_wait_interval"), (ErrorEqualsDecl, "_eval_body"), (JitterStrategyDecl, "_eval_body")
        return [
            state_task_factory.state_task_service_for,  # type: ignore[attr-defined]
            default_user_config["stepfunctions"],
            *(getattr(owner, name) for owner, name in owners),
        ]

    before = attributes()
    stand = Stand(aws)
    stand.machines.create()
    during = attributes()
    stand.close()
    assert attributes() == before
    assert all(new is not old for new, old in zip(during, before, strict=True))


def test_plan_without_checks_is_judged_at_once(stand: Stand) -> None:
    gate = Gate(waves=())
    stand.run(gate)
    assert states_of(stand, gate) == ["Prepare", "Begin", "Judge", "Holds", "Answer", "Publish"]
    assert answer_of(gate)[1] == "Succeeded"


def test_400_checks_with_a_head_check_cost_few_transitions_and_little_state(stand: Stand) -> None:
    gate = Gate(waves=((0,), tuple(range(1, 9))))
    stand.run(gate)
    runs: list[Any] = stand.machines.runs(gate.execution.deployment_id)
    assert sum(run.transitions for run in runs) <= 40
    assert max(run.largest_state_bytes for run in runs) < 16 * 1024
