"""listener never passes when a listener forwards elsewhere than the stage requires.

moto never changes rules during a deployment, and its certificates always last a year, so the tests use scripted
answers.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Side
from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

BLUE, GREEN, OTHER = (f"arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/{n}/1" for n in ("b", "g", "o"))
PRODUCTION, TEST = (f"arn:aws:elasticloadbalancing:eu-central-1:1:listener/app/x/1/{n}" for n in ("p", "t"))


def deployment_at(stage: str) -> dict[str, Any]:
    about = {"application": "shop", "group": "live", "stage": stage}
    sides = {"blue": Side(target_group=BLUE), "target_group": GREEN}
    return {"deployment": about, **sides, "timeout_s": 1.0, "clock": FakeClock()}


def script_group(aws: Any, *, test: bool = True) -> None:
    pair = {"prodTrafficRoute": {"listenerArns": [PRODUCTION]}}
    if test:
        pair["testTrafficRoute"] = {"listenerArns": [TEST]}
    info = {"loadBalancerInfo": {"targetGroupPairInfoList": [pair]}}
    aws.add_response("codedeploy", "get_deployment_group", {"deploymentGroupInfo": info})


def rule(priority: str = "default", **weights: int) -> dict[str, Any]:
    arns = {"blue": BLUE, "green": GREEN, "other": OTHER}
    groups = [{"TargetGroupArn": arns[name], "Weight": weight} for name, weight in weights.items()]
    return {"Priority": priority, "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}


def script_rules(aws: Any, arn: str, *listed: dict[str, Any]) -> None:
    aws.add_response("elbv2", "describe_rules", {"Rules": list(listed)}, {"ListenerArn": arn})


def script_listeners(aws: Any) -> None:
    aws.add_response("elbv2", "describe_listeners", {"Listeners": [{"ListenerArn": PRODUCTION, "Protocol": "HTTP"}]})


SPLIT_TRAFFIC = 'production listener, rule default is {"blue":10.0,"green":90.0}'


@pytest.mark.parametrize(
    ("stage", "production", "test", "message"),
    [
        ("AfterAllowTraffic", {"blue": 10, "green": 90}, {"green": 1}, SPLIT_TRAFFIC),
        ("AfterAllowTraffic", {"blue": 100, "green": 0}, {"green": 1}, "production listener"),
        ("AfterAllowTestTraffic", {"green": 1}, {"green": 1}, "production listener"),
        ("AfterAllowTestTraffic", {"blue": 1}, {"blue": 1}, "test listener"),
        ("AfterAllowTestTraffic", {"blue": 1}, {"other": 1}, "no rule forwards to blue or green"),
        ("AfterAllowTraffic", {"green": 50, "other": 50}, {"green": 1}, "other"),
        ("AfterAllowTraffic", {"green": 0, "blue": 0}, {"green": 1}, "production listener"),
    ],
)  # fmt: skip
def test_traffic_that_goes_elsewhere_fails(
    check: Callable[..., Any], scripted: Any, stage: str, production: dict[str, int], test: dict[str, int], message: str
) -> None:
    script_group(scripted)
    script_rules(scripted, PRODUCTION, rule(**production))
    script_rules(scripted, TEST, rule(**test))
    script_listeners(scripted)

    finding = check("listener", {}, aws=scripted, **deployment_at(stage))

    assert finding.outcome == "FAIL"
    assert message in finding.message


@pytest.mark.parametrize(
    ("stage", "production", "test"),
    [
        ("AfterAllowTestTraffic", "blue", "green"),
        ("AfterAllowTraffic", "green", "green"),
        ("AfterInstall", "blue", "blue"),
    ],
)
def test_listeners_where_the_stage_has_them_pass_and_rules_of_others_do_not_count(
    check: Callable[..., Any], scripted: Any, stage: str, production: str, test: str
) -> None:
    script_group(scripted)
    script_rules(scripted, PRODUCTION, rule("1", other=1), rule(**{"blue": 0, "green": 0, production: 100}))
    script_rules(scripted, TEST, rule(**{test: 0}))  # a single target group gets everything
    script_listeners(scripted)

    finding = check("listener", {}, aws=scripted, **deployment_at(stage))

    assert (finding.outcome, finding.message) == ("PASS", f"production and test listener forward as {stage} requires")


def test_a_test_listener_that_the_plan_asks_for_must_be_there(check: Callable[..., Any], scripted: Any) -> None:
    script_group(scripted, test=False)
    script_rules(scripted, PRODUCTION, rule(green=1))
    script_listeners(scripted)

    finding = check("listener", {"test": True}, aws=scripted, **deployment_at("AfterAllowTraffic"))

    assert (finding.outcome, finding.message) == (
        "FAIL",
        'test listener is "none in the deployment group", expected "one"',
    )


@pytest.mark.parametrize(
    ("days", "status", "outcome"), [(13, "ISSUED", "FAIL"), (60, "REVOKED", "FAIL"), (60, "ISSUED", "PASS")]
)
def test_certificates_of_all_pages_must_last(
    check: Callable[..., Any], scripted: Any, days: int, status: str, outcome: str
) -> None:
    first, second = ("arn:aws:acm:eu-central-1:1:certificate/" + "0" * 8 + n for n in "ab")
    script_group(scripted, test=False)
    script_rules(scripted, PRODUCTION, rule(green=1))
    listeners = {"Listeners": [{"ListenerArn": PRODUCTION, "Protocol": "HTTPS"}]}
    scripted.add_response("elbv2", "describe_listeners", listeners)
    page = {"Certificates": [{"CertificateArn": first}], "NextMarker": "m"}
    scripted.add_response("elbv2", "describe_listener_certificates", page)
    scripted.add_response("elbv2", "describe_listener_certificates", {"Certificates": [{"CertificateArn": second}]})
    now = datetime.datetime.now(datetime.UTC)
    for left, state in ((90, "ISSUED"), (days, status)):
        ends = now + datetime.timedelta(days=left, hours=1)
        certificate = {"Status": state, "NotAfter": ends, "DomainName": f"{left}.example"}
        scripted.add_response("acm", "describe_certificate", {"Certificate": certificate})

    finding = check("listener", {}, aws=scripted, **deployment_at("AfterAllowTraffic"))

    assert finding.outcome == outcome
    assert outcome == "PASS" or f"certificate {days}.example" in finding.message


def test_a_certificate_that_acm_does_not_have_is_inconclusive(check: Callable[..., Any], scripted: Any) -> None:
    script_group(scripted, test=False)
    script_rules(scripted, PRODUCTION, rule(green=1))
    listeners = {"Listeners": [{"ListenerArn": PRODUCTION, "Protocol": "HTTPS"}]}
    scripted.add_response("elbv2", "describe_listeners", listeners)
    listed = {"Certificates": [{"CertificateArn": "arn:aws:iam::1:server-certificate/x"}]}
    scripted.add_response("elbv2", "describe_listener_certificates", listed)

    assert check("listener", {}, aws=scripted, **deployment_at("AfterAllowTraffic")).outcome == "INCONCLUSIVE"


def test_no_listener_and_no_target_group_are_errors(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_response("codedeploy", "get_deployment_group", {"deploymentGroupInfo": {}})
    assert check("listener", {}, aws=scripted, **deployment_at("AfterAllowTraffic")).outcome == "ERROR"

    script_group(scripted)
    without = {**deployment_at("AfterAllowTraffic"), "target_group": ""}
    assert "green has no target group" in check("listener", {}, aws=scripted, **without).message
