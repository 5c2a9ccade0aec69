"""`greenlight doctor --template`: each mistake in a template is one finding with its line."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devkit.cli.main import main
from devkit.doctor import cloudformation, rules
from devkit.doctor.revision import parse_revision
from devkit.doctor.template.examination import examine_template
from greenlight.core.errors import GreenlightError
from greenlight.plan import yaml_reader

ROOT = Path(__file__).parents[3]

LAMBDA = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Conditions:
  InProd: !Equals [!Ref Stage, prod]
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      AutoPublishAlias: live
      DeploymentPreference:
        Type: Canary10Percent5Minutes
        Alarms: [!Ref Errors]
        Hooks:
          PreTraffic: !ImportValue greenlight-BeforeAllowTraffic
          PostTraffic: !ImportValue greenlight-AfterAllowTraffic
"""
OWN_HOOK = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      AutoPublishAlias: live
      DeploymentPreference:
        Type: Canary10Percent5Minutes
        Alarms: [!Ref Errors]
        Hooks:
          PreTraffic: !Ref Hook
  Hook:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "CodeDeployHook_${AWS::StackName}-orders"
      Timeout: 300
      DeploymentPreference: {Enabled: false}
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig: {OnFailure: {Type: Lambda, Destination: !ImportValue greenlight-LastResort}}
      Policies:
        - AWSLambdaBasicExecutionRole
        - Statement:
            - {Effect: Allow, Action: codedeploy:PutLifecycleEventHookExecutionStatus, Resource: "*"}
"""
ECS = """\
Resources:
  Service:
    Type: AWS::ECS::Service
    Properties:
      DeploymentController: {Type: CODE_DEPLOY}
  Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer}
  Other: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer}
  Users: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Balancer}}
  Tests: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Balancer}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::aws:policy/AWSCodeDeployRoleForECS"]
  Group:
    Type: AWS::CodeDeploy::DeploymentGroup
    Properties:
      ServiceRoleArn: !GetAtt Role.Arn
      DeploymentConfigName: CodeDeployDefault.ECSCanary10Percent5Minutes
      BlueGreenDeploymentConfiguration:
        TerminateBlueInstancesOnDeploymentSuccess: {Action: TERMINATE, TerminationWaitTimeInMinutes: 30}
      AutoRollbackConfiguration: {Enabled: true, Events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}
      AlarmConfiguration: {Enabled: true, Alarms: [{Name: !Ref Errors}]}
      ECSServices: [{ClusterName: shop, ServiceName: !GetAtt Service.Name}]
      LoadBalancerInfo:
        TargetGroupPairInfoList:
          - ProdTrafficRoute: {ListenerArns: [!Ref Users]}
            TestTrafficRoute: {ListenerArns: [!Ref Tests]}
            TargetGroups: [{Name: one}, {Name: two}]
"""
ALIAS = """\
Description: an alias whose traffic CloudFormation shifts with CodeDeploy
Resources:
  Alias:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Orders, FunctionVersion: !GetAtt Version.Version, Name: live}
    UpdatePolicy:
      CodeDeployLambdaAliasUpdate:
        ApplicationName: !Ref Application
        DeploymentGroupName: !Ref Group
        AfterAllowTrafficHook: !Ref Hook
  Orders: {Type: AWS::Lambda::Function}
  Hook:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: CodeDeployHook_orders
      Timeout: 300
      EventInvokeConfig:
        DestinationConfig: {OnFailure: {Type: Lambda, Destination: !ImportValue greenlight-LastResort}}
      Policies:
        - Statement:
            - {Effect: Allow, Action: codedeploy:PutLifecycleEventHookExecutionStatus, Resource: "*"}
  Application: {Type: AWS::CodeDeploy::Application, Properties: {ComputePlatform: Lambda}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"]
  Group:
    Type: AWS::CodeDeploy::DeploymentGroup
    Properties:
      ApplicationName: !Ref Application
      ServiceRoleArn: !GetAtt Role.Arn
      DeploymentConfigName: CodeDeployDefault.LambdaCanary10Percent5Minutes
      AutoRollbackConfiguration: {Enabled: true, Events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}
      AlarmConfiguration: {Enabled: true, Alarms: [{Name: !Ref Errors}]}
"""
PLAN = """\
  Plan:
    Type: AWS::SSM::Parameter
    Properties:
      Value: |
        version: 1
        stages:
          AfterAllowTraffic:
            checks:
              - {name: a, http: {get: /, expect: {status: 200}}}
"""
APPSPEC = """\
version: 0.0
Resources:
  - Service:
      Type: AWS::ECS::Service
      Properties: {TaskDefinition: <TASK_DEFINITION>, LoadBalancerInfo: {ContainerName: shop, ContainerPort: 8080}}
Hooks:
  - AfterAllowTestTraffic: CodeDeployHook_greenlight-AfterAllowTestTraffic
  - AfterAllowTraffic: CodeDeployHook_greenlight-AfterAllowTraffic
"""


def findings(text: str, appspec: str = "", **parameters: str) -> list[tuple[str, int]]:
    """Return the rules that a template breaks, with their lines."""
    spec = parse_revision(appspec, "appspec.yaml") if appspec else None
    symptoms = rules.worst_first(examine_template(cloudformation.parse_template(text, parameters), spec))
    return [(symptom.rule, symptom.line) for symptom in symptoms]


@pytest.mark.parametrize(
    "text", [LAMBDA, OWN_HOOK, ALIAS, ECS, ECS + PLAN], ids=["lambda", "own-hook", "alias", "ecs", "plan"]
)
def test_valid_template_has_no_finding(text: str) -> None:
    assert findings(text) == []


MISTAKES: list[tuple[str, str, str, str, int]] = [
    (LAMBDA, "      AutoPublishAlias: live\n", "", "no-alias", 10),
    (LAMBDA, "        Alarms: [!Ref Errors]\n", "", "no-alarms", 11),
    (LAMBDA, "[!Ref Errors]", "[]", "no-alarms", 11),
    (LAMBDA, "[!Ref Errors]", "!If [InProd, [!Ref Errors], !Ref AWS::NoValue]", "no-alarms", 11),
    (LAMBDA, LAMBDA[LAMBDA.index("        Hooks") :], "", "no-hooks", 11),
    (LAMBDA, "greenlight-BeforeAllowTraffic", "greenlight-AfterAllowTraffic", "hook-wrong-stage", 11),
    (LAMBDA, "!ImportValue greenlight-BeforeAllowTraffic", "my-hook", "hook-not-allowed", 11),
    (
        LAMBDA.replace("          PreTraffic: !ImportValue greenlight-BeforeAllowTraffic\n", ""),
        "Canary10Percent5Minutes",
        "AllAtOnce",
        "all-at-once-after",
        11,
    ),
    (OWN_HOOK, '      FunctionName: !Sub "CodeDeployHook_${AWS::StackName}-orders"\n', "", "hook-not-allowed", 7),
    (OWN_HOOK, "CodeDeployHook_$", "orders-$", "hook-not-allowed", 7),
    (OWN_HOOK, "      Timeout: 300\n", "", "hook-may-be-too-short", 14),
    (OWN_HOOK, "Timeout: 300", "Timeout: 5", "hook-may-be-too-short", 16),
    (OWN_HOOK, "DeploymentPreference: {Enabled: false}", "AutoPublishAlias: live", "hook-has-alias", 12),
    (OWN_HOOK, "OnFailure", "OnSuccess", "hook-without-last-resort", 12),
    (OWN_HOOK, "codedeploy:PutLifecycle", "codedeploy:GetLifecycle", "hook-cannot-answer", 12),
    (ECS, "Type: CODE_DEPLOY", "Type: ECS", "controller", 2),
    (ECS, "      DeploymentController: {Type: CODE_DEPLOY}\n", "      DesiredCount: 1\n", "controller", 2),
    (
        ECS,
        "      AutoRollbackConfiguration: {Enabled: true, Events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}\n",
        "",
        "no-rollback",
        14,
    ),
    (ECS, "Enabled: true, Events", "Enabled: false, Events", "no-rollback", 14),
    (ECS, "[DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]", "[DEPLOYMENT_STOP_ON_ALARM]", "no-rollback", 14),
    (ECS, ", DEPLOYMENT_STOP_ON_ALARM", "", "no-rollback-on-alarm", 14),
    (ECS, "[{Name: !Ref Errors}]", "[]", "no-alarms", 14),
    (
        ECS,
        "AlarmConfiguration: {Enabled: true,",
        "AlarmConfiguration: {Enabled: true, IgnorePollAlarmFailure: true,",
        "alarms-overlooked",
        14,
    ),
    (ECS, "[{Name: one}, {Name: two}]", "[{Name: one}]", "target-groups", 24),
    (ECS, "            TestTrafficRoute: {ListenerArns: [!Ref Tests]}\n", "", "no-test-listener", 24),
    (
        ECS,
        "TargetGroups: [{Name: one}, {Name: two}]",
        "TargetGroups: [{Name: one}, {Name: two}]\n          - TargetGroups: [{Name: three}, {Name: four}]",
        "target-groups",
        24,
    ),
    (ECS, "[!Ref Tests]", "[!Ref Tests, !Ref Users]", "listener", 24),
    (ECS, "[!Ref Tests]", "[!Ref Users]", "test-is-production", 24),
    (ECS, "AWSCodeDeployRoleForECS", "service-role/AWSCodeDeployRole", "service-role-lacks", 17),
    (
        ECS,
        "BlueGreenDeploymentConfiguration:\n",
        "BlueGreenDeploymentConfiguration:\n"
        "        DeploymentReadyOption: {ActionOnTimeout: STOP_DEPLOYMENT, WaitTimeInMinutes: 60}\n",
        "waits-for-somebody",
        14,
    ),
    (ALIAS, "CodeDeployHook_orders", "orders-check", "hook-not-allowed", 6),
    (ALIAS, "codedeploy:PutLifecycle", "codedeploy:GetLifecycle", "hook-cannot-answer", 12),
    (ALIAS, "LambdaCanary10Percent5Minutes", "LambdaAllAtOnce", "all-at-once-after", 6),
    (ECS, "TerminationWaitTimeInMinutes: 30", "TerminationWaitTimeInMinutes: 0", "blue-ends-at-once", 14),
    (
        ECS,
        "Tests: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Balancer",
        "Tests: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Other",
        "listeners-apart",
        24,
    ),
    (
        ECS,
        "Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Type: network}",
        "network-balancer",
        14,
    ),
    (ECS, "Resources:\n", "Transform: AWS::CodeDeployBlueGreen\nResources:\n", "bluegreen-transform", 1),
    (ECS + PLAN, "{status: 200}", "{staus: 200}", "plan", 37),
    (ECS + PLAN, "{status: 200}", "{status: {gte: 100}}", "plan-warning", 37),
    (ECS + PLAN, "            checks:", "            bake: 51m\n            checks:", "hook-too-short", 36),
]


@pytest.mark.parametrize(
    ("text", "right", "wrong", "rule", "line"),
    MISTAKES,
    ids=[f"{number}-{mistake[3]}" for number, mistake in enumerate(MISTAKES)],
)
def test_one_mistake_is_one_finding_with_its_line(text: str, right: str, wrong: str, rule: str, line: int) -> None:
    assert text.count(right) >= 1

    assert findings(text.replace(right, wrong, 1)) == [(rule, line)]


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        (APPSPEC[APPSPEC.index("Hooks:") :], "", "no-hooks"),
        (
            "AfterAllowTraffic: CodeDeployHook_greenlight-AfterAllowTraffic",
            "AfterAllowTraffic: CodeDeployHook_greenlight-BeforeAllowTraffic",
            "hook-wrong-stage",
        ),
        ("ContainerPort: 8080", 'ContainerPort: "8080"', "appspec"),
        ("  - AfterAllowTraffic:", "  - AfterTraffic:", "appspec"),
    ],
)
def test_one_mistake_in_the_appspec_is_one_finding(right: str, wrong: str, rule: str) -> None:
    assert right in APPSPEC
    assert findings(ECS, APPSPEC) == []

    assert findings(ECS, APPSPEC.replace(right, wrong)) == [(rule, 0)]


def test_role_with_a_limited_policy_may_invoke_only_names_with_the_prefix() -> None:
    narrow = ECS.replace("AWSCodeDeployRoleForECS", "AWSCodeDeployRoleForECSLimited")

    assert findings(narrow, APPSPEC) == []
    assert findings(narrow, APPSPEC.replace("CodeDeployHook_", "shop_")) == [("hook-not-allowed", 17)] * 2


def test_server_group_is_not_supported_and_ecs_group_needs_a_target_group_pair() -> None:
    group = (
        "Resources:\n"
        "  App: {Type: AWS::CodeDeploy::Application, Properties: {ComputePlatform: %s}}\n"
        "  Group: {Type: AWS::CodeDeploy::DeploymentGroup, Properties: {ApplicationName: !Ref App}}"
    )
    tagged = (
        "Resources: {Group: {Type: AWS::CodeDeploy::DeploymentGroup, "
        "Properties: {ApplicationName: shop, Ec2TagFilters: [{Key: Name}]}}}"
    )

    assert findings(group % "Server") == [("could-not-look", 3)]
    assert findings(tagged) == [("could-not-look", 1)]
    assert ("target-groups", 3) in findings(group % "ECS")


def test_test_listener_is_not_needed_without_a_hook_for_it() -> None:
    without = ECS.replace("            TestTrafficRoute: {ListenerArns: [!Ref Tests]}\n", "")
    appspec = re.sub("  - AfterAllowTestTraffic.*\n", "", APPSPEC)

    assert findings(without, appspec) == []


def test_values_that_only_a_deployment_knows_are_not_mistakes() -> None:
    text = ECS.replace(
        "{Enabled: true, Events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}",
        "!If [Prod, {Enabled: true}, {Enabled: false}]",
    )

    assert (
        findings(
            OWN_HOOK.replace("- AWSLambdaBasicExecutionRole", "- !Ref SomePolicy").replace("codedeploy:Put", "s3:Put")
        )
        == []
    )
    assert findings(OWN_HOOK.replace("Timeout: 300", "Timeout: !GetAtt Config.Timeout")) == []
    assert ("no-rollback", 14) in findings(text)  # the condition is not defined, so it is unknown


def test_parameters_determine_conditions() -> None:
    text = LAMBDA.replace("[!Ref Errors]", "!If [InProd, [!Ref Errors], []]")

    assert findings(text, Stage="prod") == []
    assert [rule for rule, _ in findings(text, Stage="test")] == ["no-alarms"]


def test_globals_apply_to_hooks() -> None:
    text = OWN_HOOK.replace("      DeploymentPreference: {Enabled: false}\n", "").replace(
        "Resources:\n", "Globals:\n  Function:\n    AutoPublishAlias: live\nResources:\n", 1
    )

    assert [rule for rule, _ in findings(text)] == ["hook-has-alias"]


def test_template_without_codedeploy_is_not_approved() -> None:
    assert [rule for rule, _ in findings("Resources: {Bucket: {Type: AWS::S3::Bucket}}")] == ["could-not-look"]


@pytest.mark.parametrize(
    "names",
    [
        ("template.yaml",),
        ("examples/lambda/template.yaml",),
        ("examples/ecs/template.yaml", "--appspec", "examples/ecs/appspec.yaml"),
    ],
    ids=["greenlight", "lambda-service", "ecs-service"],
)
def test_stacks_of_this_repository_have_no_finding(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)

    assert main(["doctor", "--template", *names]) == 0
    assert "no findings" in capsys.readouterr().out


def test_output_has_file_line_and_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(LAMBDA.replace("greenlight-Before", "greenlight-After"))

    assert main(["doctor", "--template", str(path)]) == 1

    out = capsys.readouterr().out
    assert f"  BLOCKS  {path}:11: BeforeAllowTraffic invokes greenlight-AfterAllowTraffic" in out
    assert "      fix:  BeforeAllowTraffic: greenlight-BeforeAllowTraffic" in out
    assert out.endswith("the next deployment will go wrong: 1 blocks\n")


def test_json_output_has_all_fields_of_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(LAMBDA.replace("        Alarms: [!Ref Errors]\n", ""))

    assert main(["doctor", "--template", str(path), "--format", "json", "--parameters", "Stage=prod"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["status"], document["looked_at_everything"]) == (
        "greenlight.doctor/1",
        0,
        True,
    )
    (finding,) = document["examined"][0]["findings"]
    assert (finding["rule"], finding["severity"], finding["line"]) == ("no-alarms", "annoys", 11)
    assert finding["fix"].startswith("DeploymentPreference:\n  Alarms:")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pass either --application NAME"),
        (["--template", "t", "--application", "a"], "pass either --application NAME"),
        (["--template", "no-such-file"], "there is no file no-such-file"),
        (["--template", "TEMPLATE", "--group", "g"], "--group and --plan are for --application"),
        (["--template", "TEMPLATE", "--parameters", "Stage"], "write --parameters NAME=VALUE"),
        (["--template", "TEMPLATE", "--parameters", "Stge=x"], "the template has no parameter Stge; it has Stage"),
        (["--application", "a", "--parameters", "a=b"], "--parameters is for --template only"),
        (["--explain", "no-hoks"], "did you mean 'no-hooks'?"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_invalid_arguments_end_with_status_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(LAMBDA)

    assert main(["doctor", *(str(path) if argument == "TEMPLATE" else argument for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


HOSTILE = {
    "nothing": "",
    "text": "hello",
    "no resources": "Outputs: {}",
    "resources of another kind": "Resources: [1, 2]",
    "not yaml": "Resources: {a: [",
    "deep": "Resources: " + "[" * 5000,
    "aliases without end": "a: &a [x, x]\n"
    + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "Resources: {x: *i}",
    "an alias of itself": "Resources: &a {b: *a}",
    "large": "Resources: {}\n#" + "x" * 1_000_001,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_invalid_template_ends_with_a_message(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)

    assert main(["doctor", "--template", str(path)]) == 2
    assert "template" in capsys.readouterr().err


def test_yaml_error_is_reported_with_its_line() -> None:
    with pytest.raises(GreenlightError) as refused:
        cloudformation.parse_template("Resources:\n  Role:\n    Resource: *\n")

    assert str(refused.value).startswith("the template, line 3, column 16: not valid YAML: ")
    assert "<unicode string>" not in str(refused.value)


def test_appspec_is_recognized(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "appspec.yaml"
    path.write_text("version: 0.0\nResources: [{Shop: {Type: AWS::ECS::Service}}]\n")

    assert main(["doctor", "--template", str(path)]) == 2
    assert (
        "the file is an AppSpec, not a template; to check it: greenlight appspec lint FILE" in capsys.readouterr().err
    )


def test_template_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(LAMBDA))

    assert main(["doctor", "--template", "-"]) == 0
    assert "no findings" in capsys.readouterr().out


def test_yaml_tags_of_python_are_not_executed() -> None:
    assert cloudformation.parse_template("Resources: {a: !!python/object/apply:os.system [id]}").data["Resources"] == {
        "a": ["id"]
    }


def test_control_characters_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(LAMBDA.replace("!ImportValue greenlight-BeforeAllowTraffic", r'"my\e[31mhook\nBLOCKS"'))

    assert main(["doctor", "--template", str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().out


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 700) | st.sampled_from(["", "a", "${", "Group", "AWS::ECS::Service"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::If", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Properties", "Type", "Name"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in data."""
    inner: Any = data.items() if isinstance(data, dict) else ()
    if isinstance(data, list):
        inner = enumerate(data)
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_arbitrary_values_anywhere_in_a_template_do_not_crash(data: st.DataObject) -> None:
    plain = json.loads(
        json.dumps(cloudformation.parse_template(data.draw(st.sampled_from([LAMBDA, OWN_HOOK, ECS + PLAN]))).data)
    )
    *parents, last = data.draw(st.sampled_from(places(plain["Resources"])[1:]))
    holder = plain["Resources"]
    for key in parents:
        holder = holder[key]
    holder[last] = data.draw(anything)

    for symptom in examine_template(
        cloudformation.parse_template(json.dumps(plain)), parse_revision(APPSPEC, "appspec.yaml")
    ):
        assert symptom.message
        assert symptom.fix


def test_short_forms_become_long_forms() -> None:
    template = cloudformation.parse_template(
        "Resources: {A: {Properties: {B: !GetAtt C.D.E, F: !Sub [x, {}], G: !If [H, 1, !Ref I]}}}"
    )

    assert template.data["Resources"]["A"]["Properties"] == {
        "B": {"Fn::GetAtt": ["C", "D.E"]},
        "F": {"Fn::Sub": ["x", {}]},
        "G": {"Fn::If": ["H", 1, {"Ref": "I"}]},
    }


@pytest.mark.parametrize(
    "variables", [{"Fn::Sub": ["a", 2]}, {"Fn::Join": ["", ["a"]]}, {"Ref": "AWS::NoValue"}, [], None]
)
def test_a_sub_with_variables_that_are_not_a_map_keeps_its_text(variables: Any) -> None:
    assert cloudformation.parse_template("Resources: {}").resolve({"Fn::Sub": ["${a}", variables]}) == "${a}"


def test_list_of_rules_in_docs_is_current() -> None:
    assert (ROOT / "docs/doctor.md").read_text() == rules.markdown() + "\n"


def test_every_rule_of_a_template_has_a_mistake() -> None:
    covered_rules = {mistake[3] for mistake in MISTAKES} | {
        "hook-wrong-stage",
        "appspec",
        "no-hooks",
        "could-not-look",
        "hook-not-allowed",
    }

    assert {rule.id for rule in rules.RULES if rule.source in ("template", "both")} - covered_rules == set()


def test_appspec_of_these_tests_is_valid() -> None:
    assert parse_revision(APPSPEC, "appspec.yaml").problems == ()
    assert yaml_reader.read(APPSPEC).data["Hooks"]
