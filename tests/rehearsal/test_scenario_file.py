"""Scenario files: all mistakes are reported at once, each with its place and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from devkit.rehearsal.faults import FAULTS
from devkit.rehearsal.scenario_file import ScenarioError, plan_stages, read

GOOD = """
name: good
platform: ecs
blue: {command: "python service.py fine {port}"}
green: {command: "python service.py fine {port}"}
"""
GOOD_LAMBDA = """
name: good
platform: lambda
blue: {function: "function.py:handler"}
green: {function: "function.py:handler"}
"""


def problems(folder: Path, text: str) -> str:
    path = folder / "s.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "place", "sentence"),
    [
        ("planet: earth", "5:1: planet", "unknown key 'planet'; did you mean 'plan'?"),
        ("minute: 1", "5:9: minute", "a number with its unit"),
        ("minute: 0s", "5:9: minute", "above zero"),
        ("hook_timeout: 1h", "5:15: hook_timeout", "up to 15m"),
        ("config: ECSAllAtOnce", "5:9: config", "did you mean 'CodeDeployDefault.ECSAllAtOnce'?"),
        ("config: CodeDeployDefault.LambdaAllAtOnce", "5:9: config", "is for platform lambda"),
        ("config: CodeDeployDefault.ECSAllAtOne", "5:9: config", "did you mean 'CodeDeployDefault.ECSAllAtOnce'?"),
        ("plan: nowhere.yaml", "5:7: plan", "there is no plan at"),
        ("faults: [hook-kiled]", "5:10: faults[0]", "did you mean 'hook-killed'?"),
        ("faults: [probe-killed]", "5:10: faults[0]", "a fault of the state machine; add 'conductor: machine'"),
        ("faults: [{hook-killed: {stag: x}}]", "faults[0]", "unknown key 'stag'; did you mean 'stage'?"),
        ("hooks: [Install]", "5:9: hooks[0]", "Install cannot call a hook"),
        (
            "expect: {status: Succeded}",
            "5:18: expect.status",
            "one of Succeeded, Failed, Stopped; did you mean 'Succeeded'?",
        ),
        ("expect: {failed_at: Nowhere}", "5:21: expect.failed_at", "'Nowhere' is not one of BeforeInstall, Install"),
        ("alarms: [{name: a}]", "5:10: alarms[0]", "exactly one of errors_percent, at and state"),
        ("alarms: [{name: a, at: 1m, state: ALARM}]", "5:10: alarms[0]", "exactly one"),
        ("application: 'a/b'", "5:14: application", "matching regex"),
        ("listener: {nlb: true, conditions: {hosts: [a.example.com]}}", "listener.conditions", "has no rules"),
        ("listener: {conditions: {paths: [api]}}", "listener.conditions.paths[0]", "begin it with / or *"),
        ("listener: {nlb: true, rules: [{priority: 1, paths: [/a]}]}", "listener.rules", "has no rules"),
        ("listener: {rules: [{priority: 1, paths: [a]}]}", "listener.rules[0].paths[0]", "begin it with / or *"),
        (
            "listener: {rules: [{priority: 1, paths: [/a]}, {priority: 1, paths: [/b]}]}",
            "listener.rules[1].priority",
            "another rule has the priority 1",
        ),
        ("listener: {htps: true}", "5:12: listener.htps", "did you mean 'https'?"),
        ("users: {rate: 100000}", "5:15: users.rate", "200"),
        ("name: again", "5:1: name", "occurs twice"),
        ("deployments: [{green: {command: x}}]", "green", "not both"),
    ],
)
def test_mistake_is_reported_with_its_place(folder: Path, more: str, place: str, sentence: str) -> None:
    text = problems(folder, GOOD.strip() + "\n" + more + "\n")
    assert place in text
    assert sentence in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a scenario is a map"),
        ("- 1", "a scenario is a map"),
        ("name: [", "not valid YAML"),
        ("platform: ecs", "the key 'name' is missing"),
        ("name: a\nplatform: ec2\nblue: {command: x}", "ec2"),
        ("name: a\nplatform: ecs\nblue: {command: x}", "the key 'green' is missing"),
        ("name: a\nplatform: ecs\nblue: {}\ngreen: {command: x}", "the key 'command' is missing"),
        ("name: a\nplatform: ecs\nblue: {function: 'f.py:x'}\ngreen: {command: x}", "a release is a 'command'"),
        ('name: a\nplatform: ecs\nblue: {command: "a \'b"}\ngreen: {command: x}', "cannot be split into words"),
        ("name: a\nplatform: ecs\nblue: {command: ' '}\ngreen: {command: x}", "the command is empty"),
        ("name: a\nplatform: lambda\nblue: {function: f}\ngreen: {function: f}", "write FILE.py:HANDLER"),
        ("name: a\nplatform: lambda\nblue: {function: 'no.py:h'}\ngreen: {function: 'no.py:h'}", "there is no file"),
    ],
)
def test_file_that_is_not_a_scenario_is_refused_with_a_reason(folder: Path, text: str, sentence: str) -> None:
    assert sentence in problems(folder, text)


def test_all_mistakes_are_reported_at_once(folder: Path) -> None:
    text = problems(folder, GOOD.strip() + "\nfaults: [nothing]\nconfig: slow\nplan: gone.yaml\n")
    assert len(text.splitlines()) == 3


def test_file_that_is_missing_or_not_text_is_reported(folder: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read(folder / "missing.yaml")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        read(folder / "binary.yaml")
    with pytest.raises(ScenarioError, match="cannot be read"):
        read(folder)


def test_network_load_balancer_accepts_only_all_at_once(folder: Path) -> None:
    text = GOOD + "listener: {nlb: true}\nconfig: CodeDeployDefault.ECSCanary10Percent5Minutes\n"
    assert "CodeDeployDefault.ECSAllAtOnce only" in problems(folder, text)


def test_smallest_scenario_has_a_default_for_everything_else(folder: Path) -> None:
    (folder / "s.yaml").write_text(GOOD)
    scenario = read(folder / "s.yaml")
    (deployment,) = scenario.deployments
    assert deployment.config == "CodeDeployDefault.ECSAllAtOnce"
    assert deployment.plan is None
    assert deployment.hooks == ("AfterAllowTestTraffic",)
    assert scenario.hour_s == 60
    assert scenario.rollback.enabled


def test_hooks_are_those_of_the_plans_stages(folder: Path) -> None:
    (folder / "p.yaml").write_text("stages: {AfterAllowTraffic: {checks: []}, BeforeInstall: {checks: []}, Typo: {}}")
    (folder / "s.yaml").write_text(GOOD + "plan: p.yaml\n")
    assert read(folder / "s.yaml").deployments[0].hooks == ("BeforeInstall", "AfterAllowTraffic")


@pytest.mark.parametrize("plan", ["[", "stages: 3", "- a", ""])
def test_plan_that_cannot_be_read_is_passed_on_to_the_hooks(folder: Path, plan: str) -> None:
    (folder / "p.yaml").write_text(plan)
    assert plan_stages(folder / "p.yaml") == ()
    (folder / "s.yaml").write_text(GOOD_LAMBDA + "plan: p.yaml\n")
    assert read(folder / "s.yaml").deployments[0].hooks == ("BeforeAllowTraffic",)


def test_hour_is_scaled_with_a_minimum_for_the_hooks(folder: Path) -> None:
    (folder / "s.yaml").write_text(GOOD + "minute: 10ms\n")
    assert read(folder / "s.yaml").hour_s == 30
    (folder / "s.yaml").write_text(GOOD + "minute: 10ms\nhour: 2s\n")
    assert read(folder / "s.yaml").hour_s == 2


def test_deployment_in_a_row_inherits_missing_keys_from_the_scenario(folder: Path) -> None:
    text = GOOD.replace("green:", "# ") + (
        "plan: a.plan.yaml\nfaults: [late-in-progress]\n"
        "deployments:\n"
        "  - green: {command: one}\n"
        "  - green: {command: two}\n    plan: null\n    faults: []\n    expect: {status: Failed}\n"
    )
    (folder / "s.yaml").write_text(text)
    first, second = read(folder / "s.yaml").deployments
    assert first.plan == folder / "a.plan.yaml"
    assert [fault.name for fault in first.faults] == ["late-in-progress"]
    assert (second.plan, second.faults, second.expect.status) == (None, (), "Failed")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_accepted_with_and_without_options(folder: Path, fault: str) -> None:
    faults = f"faults: [{fault}, {{{fault}: {{stage: AfterInstall, times: 3}}}}]\n"
    (folder / "s.yaml").write_text(GOOD + "conductor: machine\n" + faults)
    plain, detailed = read(folder / "s.yaml").deployments[0].faults
    assert (plain.name, plain.stage, plain.times) == (fault, None, None)
    assert (detailed.name, detailed.stage, detailed.times) == (fault, "AfterInstall", 3)


EXAMPLES = Path(__file__).parents[2] / "examples"
DEPLOYED = f"""
name: good
template: {EXAMPLES}/ecs/template.yaml
appspec: {EXAMPLES}/ecs/appspec.yaml
blue: {{command: "python service.py fine {{port}}"}}
green: {{command: "python service.py fine {{port}}"}}
"""


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("platform: lambda", "platform is 'lambda' here and 'ecs' in the template or AppSpec; leave the key out"),
        ("hooks: [AfterAllowTraffic]", "hooks is ['AfterAllowTraffic'] here"),
        ("listener: {https: false}", "listener.https: https is False here and True"),
        ("rollback: false", "rollback is False here and True"),
        ("parameters: {Nothing: 1}", "the template has no parameter Nothing"),
    ],
)
def test_scenario_that_contradicts_the_template_or_appspec_is_refused(tmp_path: Path, more: str, sentence: str) -> None:
    assert sentence in problems(tmp_path, DEPLOYED + more)


def test_missing_template_is_reported_at_its_key(tmp_path: Path) -> None:
    assert "template" in problems(tmp_path, GOOD + "template: nowhere.yaml")


PAIR = """TargetGroups: [{Name: !GetAtt Blue.TargetGroupName}, {Name: !GetAtt Green.TargetGroupName}]
              ProdTrafficRoute: {ListenerArns: [!Ref Https]}"""
GROUP = f"""
Parameters: {{Config: {{Type: String}}}}
Resources:
  Https: {{Type: "AWS::ElasticLoadBalancingV2::Listener", Properties: {{Protocol: HTTPS}}}}
  Blue: {{Type: "AWS::ElasticLoadBalancingV2::TargetGroup", Properties: {{HealthCheckPath: /health}}}}
  Group:
    Type: AWS::CodeDeploy::DeploymentGroup
    Properties:
        LoadBalancerInfo:
          TargetGroupPairInfoList:
            - {PAIR}
"""
FUNCTION = """
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      DeploymentPreference: {Type: AllAtOnce}
"""


@pytest.mark.parametrize(
    ("template", "old", "new", "sentence"),
    [
        (GROUP, "LoadBalancerInfo:", "Unheard:", "one entry in TargetGroupPairInfoList, and this has none"),
        (GROUP, f"- {PAIR}", f"- {PAIR}\n            - {PAIR}", "and this has 2"),
        (GROUP, f"- {PAIR}", "- !Ref Pair", "the Protocol of the production listener is not in the template"),
        (GROUP, "[!Ref Https]", "[]", "set listener: {https: …, nlb: …} in the scenario"),
        (
            GROUP,
            "[!Ref Https]",
            "[!ImportValue https]",
            "the Protocol of the production listener is not in the template",
        ),
        (GROUP, "!GetAtt Blue.TargetGroupName", "!ImportValue blue", "set listener.health_check in the scenario"),
        (GROUP, "/health", "!ImportValue path", 'health check\'s path is {"Fn::ImportValue": "path"}'),
        (
            GROUP,
            "LoadBalancerInfo:",
            "DeploymentConfigName: !Ref Config\n        LoadBalancerInfo:",
            "set config in the",
        ),
        (
            FUNCTION,
            "{Type: AllAtOnce}",
            "!If [Gradual, {Type: AllAtOnce}, {}]",
            "DeploymentPreference.Type is not in the",
        ),
        (FUNCTION, "{Type: AllAtOnce}", "{Enabled: true}", "DeploymentPreference.Type is not in the template"),
        (FUNCTION, "Handler: app.handler", "PackageType: Image", "Function's Handler is not in the template"),
        (FUNCTION, "Handler:", "CodeUri: {Bucket: b, Key: k}\n      Handler:", 'CodeUri is {"Bucket": '),
        (FUNCTION, "Handler:", "Timeout: !ImportValue t\n      Handler:", "Function's Timeout is {"),
    ],
)
def test_value_that_only_a_deployment_decides_is_reported(
    tmp_path: Path, template: str, old: str, new: str, sentence: str
) -> None:
    (tmp_path / "t.yaml").write_text(template.replace(old, new))
    release = "" if template is FUNCTION else "blue: {command: x}\ngreen: {command: x}\n"
    assert sentence in problems(tmp_path, f"name: odd\ntemplate: t.yaml\n{release}")


def test_scenario_may_set_values_that_only_a_deployment_decides(tmp_path: Path) -> None:
    odd = GROUP.replace("[!Ref Https]", "[!ImportValue https]").replace(
        "!GetAtt Blue.TargetGroupName", "!ImportValue b"
    )
    (tmp_path / "t.yaml").write_text(
        odd.replace("LoadBalancerInfo:", "DeploymentConfigName: !Ref Config\n        LoadBalancerInfo:")
    )
    (tmp_path / "s.yaml").write_text(
        "name: odd\ntemplate: t.yaml\nblue: {command: x}\ngreen: {command: x}\n"
        "config: CodeDeployDefault.ECSAllAtOnce\nlistener: {https: true, health_check: {path: /alive}}\n"
    )
    listener = read(tmp_path / "s.yaml").file.listener
    assert (listener.https, listener.nlb, listener.health_check.path) == (True, False, "/alive")


def test_hook_in_the_template_does_not_count_as_a_second_function(tmp_path: Path) -> None:
    hook = (
        FUNCTION.replace("\nResources:\n", "")
        .replace("Function:", "Hook:", 1)
        .replace("{Type: AllAtOnce}", "{Enabled: false}")
    )
    (tmp_path / "app.py").write_text("def handler(event, context): ...")
    (tmp_path / "t.yaml").write_text(FUNCTION + hook)
    (tmp_path / "s.yaml").write_text("name: hooked\ntemplate: t.yaml\n")
    assert read(tmp_path / "s.yaml").deployments[0].config == "CodeDeployDefault.LambdaAllAtOnce"


def test_handler_in_a_package_resolves_to_a_file_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "api.py").write_text("def handler(event, context): ...")
    (tmp_path / "t.yaml").write_text(FUNCTION.replace("app.handler", "orders.api.handler"))
    (tmp_path / "s.yaml").write_text("name: packed\ntemplate: t.yaml\n")
    (deployment,) = read(tmp_path / "s.yaml").deployments
    assert deployment.green.function == "./orders/api.py:handler"


def test_rehearsed_deployment_is_that_of_the_template_and_the_appspec(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(DEPLOYED)
    scenario = read(tmp_path / "s.yaml")
    (deployment,) = scenario.deployments

    assert (scenario.file.platform, scenario.file.application, scenario.file.group) == ("ecs", "shop", "live")
    assert scenario.file.listener.https
    assert scenario.file.listener.health_check.path == "/health"
    assert deployment.config == "CodeDeployDefault.ECSCanary10Percent5Minutes"
    assert deployment.hooks == ("AfterAllowTestTraffic", "AfterAllowTraffic")


def test_function_and_configuration_come_from_the_template_and_its_parameters() -> None:
    (deployment,) = read(EXAMPLES / "scenarios" / "lambda-good-linear.yaml").deployments

    assert deployment.green.function == "../lambda/src/app.py:handler"
    assert deployment.config == "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
