"""Rules for AppSpecs: documented ones have no problem, and every mistake is reported at its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devkit.lint.appspec import check_appspec
from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from greenlight.checks.registry import Registry
from greenlight.plan import yaml_reader
from tests.support.appspec_samples import AS_DOCUMENTED, ECS_EXAMPLE, LAMBDA_EXAMPLE
from tests.support.linting import rules

REGISTRY = Registry()


def message_of(text: str) -> str:
    (problem,) = problems(text, "appspec.yaml", REGISTRY, Limits())
    return problem.message


@pytest.mark.parametrize("text", AS_DOCUMENTED.values(), ids=AS_DOCUMENTED)
def test_a_documented_appspec_has_no_problem_as_yaml_and_as_json(text: str) -> None:
    assert rules(text) == []
    assert rules(json.dumps(yaml.safe_load(text), indent="\t"), "appspec.json") == []


def test_a_hook_without_the_prefix_needs_a_role_of_your_own() -> None:
    text = LAMBDA_EXAMPLE.replace("CodeDeployHook_before", "LambdaFunctionToValidateBeforeTrafficShift")

    (problem,) = problems(text, "appspec.yaml", REGISTRY, Limits())

    assert (problem.rule, problem.severity, problem.line) == ("appspec-hook-prefix", "warning", 11)


L, E = LAMBDA_EXAMPLE, ECS_EXAMPLE


MISTAKES = {
    "a list around the balancer, as old documents have it": (
        E.replace("          ContainerName", "          - ContainerName").replace(
            "          ContainerPort", "            ContainerPort"
        ),
        "8:11 appspec-load-balancer",
    ),
    "a doubled colon, as in the ECS tutorial": (E.replace("444:task", "444::task"), "6:25 appspec-task-definition"),
    "an ARN that lost its arn:": (E.replace('"arn:aws', '"aws'), "6:25 appspec-task-definition"),
    "a quoted port": (E.replace(": 80\n", ': "80"\n'), "9:26 appspec-container-port"),
    "port 0": (E.replace(": 80\n", ": 0\n"), "9:26 appspec-container-port"),
    "a port that is true": (E.replace(": 80\n", ": true\n"), "9:26 appspec-container-port"),
    "no port": (E.replace("          ContainerPort: 80\n", ""), "8:11 appspec-load-balancer"),
    "no container": (E.replace('          ContainerName: "SampleApplicationName"\n', ""), "8:11 appspec-load-balancer"),
    "no task definition": (E.replace(E.split("\n")[5] + "\n", ""), "6:9 appspec-property"),
    "a platform version as a number": (E.replace('"LATEST"', "1.4"), "11:26 appspec-platform-version"),
    "subnets by name": (E.replace("subnet-1234abcd", "private-a"), "14:22 appspec-network"),
    "a public address as a boolean": (E.replace('"ENABLED"', "true"), "16:29 appspec-network"),
    "no capacity provider": (
        E.replace('            CapacityProvider: "FARGATE"\n', ""),
        "21:13 appspec-capacity-provider",
    ),
    "a weight of text": (E.replace("Weight: 2", "Weight: two"), "20:21 appspec-capacity-provider"),
    "an event of servers": (E.replace("AfterInstall:", "ApplicationStart:"), "26:23 appspec-event"),
    "an event in small letters": (E.replace("AfterInstall:", "afterInstall:"), "26:19 appspec-event"),
    "a hook without a function": (E.replace('"LambdaFunctionToValidateAfterInstall"', ""), "26:18 appspec-hook"),
    "a hook as a list": (E.replace('"LambdaFunctionToValidateAfterInstall"', "[a]"), "26:19 appspec-hook"),
    "a script of a server": (
        E.replace('"LambdaFunctionToValidateAfterInstall"', "\n      - location: scripts/a.sh\n        timeout: 300"),
        "27:7 appspec-ec2",
    ),
    "a resource as a map": (L.replace("  - myLambdaFunction:", "    myLambdaFunction:"), "3:5 appspec-resources"),
    "no resource": (L.replace(L[L.index("  - my") : L.index("Hooks")], "  []\n"), "3:3 appspec-resources"),
    "resources without anything": (L.replace(L[L.index("  - my") : L.index("Hooks")], ""), "2:11 appspec-resources"),
    "two resources": (
        L.replace("Hooks:", "  - other: {Type: 'AWS::Lambda::Function', Properties: {}}\nHooks:"),
        "3:3 appspec-resources",
    ),
    "the type beside the name": (
        L.replace("      Type", "    Type").replace("      Properties:", "    Properties:"),
        "4:11 appspec-indentation",
    ),
    "properties beside Properties": (L.replace("\n        ", "\n      "), "5:18 appspec-indentation"),
    "properties without anything": (
        L.replace(L[L.index("        Name") : L.index("Hooks")], ""),
        "5:18 appspec-indentation",
    ),
    "another type": (L.replace("AWS::Lambda::Function", "AWS::Serverless::Function"), "4:13 appspec-type"),
    "a name that is an ARN": (
        L.replace('Name: "', 'Name: "arn:aws:lambda:us-east-1:111122223333:function:'),
        "6:15 appspec-function-name",
    ),
    "a name with its alias": (L.replace('Name: "myLambdaFunction"', "Name: orders:live"), "6:15 appspec-function-name"),
    "an alias of digits": (L.replace('"myLambdaFunctionAlias"', '"8"'), "7:16 appspec-alias"),
    "a version that is an ARN": (
        L.replace('TargetVersion: "2"', "TargetVersion: arn:aws:lambda:us-east-1:111122223333:function:orders:2"),
        "9:24 appspec-lambda-version",
    ),
    "a version that changes under way": (
        L.replace('TargetVersion: "2"', "TargetVersion: $LATEST"),
        "9:24 appspec-lambda-version",
    ),
    "version zero": (L.replace('CurrentVersion: "1"', "CurrentVersion: 0"), "8:25 appspec-lambda-version"),
    "the same version": (L.replace('TargetVersion: "2"', "TargetVersion: 1"), "9:24 appspec-same-version"),
    "an empty alias": (L.replace('"myLambdaFunctionAlias"', '""'), "7:16 appspec-property"),
    "version 1": (L.replace("version: 0.0", "version: 1"), "1:10 appspec-version"),
    "version false": (L.replace("version: 0.0", "version: false"), "1:10 appspec-version"),
    "no version": (L.replace("version: 0.0\n", ""), "1:1 appspec-version"),
    "an event of ECS": (L.replace("BeforeAllowTraffic", "AfterInstall"), "11:19 appspec-event"),
    "the same event twice": (L.replace("AfterAllow", "BeforeAllow"), "12:25 appspec-event-twice"),
    "hooks as a map": (
        L.replace("  - BeforeAllow", "  BeforeAllow").replace("  - AfterAllow", "  AfterAllow"),
        "11:3 appspec-hooks",
    ),
    "one entry with both hooks": (L.replace("  - AfterAllow", "    AfterAllow"), "11:5 appspec-hooks"),
    "a hook with its version": (L.replace("CodeDeployHook_before", "CodeDeployHook_before:3"), "11:25 appspec-hook"),
    "a hook that is not a name": (L.replace("CodeDeployHook_before", "scripts/smoke test.sh"), "11:25 appspec-hook"),
    "a hook's ARN of another kind": (
        L.replace("CodeDeployHook_before", "arn:aws:iam::111122223333:role/x"),
        "11:25 appspec-hook",
    ),
    "the hook of another event": (
        L.replace("CodeDeployHook_after", "CodeDeployHook_greenlight-BeforeAllowTraffic"),
        "12:24 appspec-hook-stage",
    ),
    "a misspelt key": (L.replace("Hooks:", "Hoks:"), "11:3 appspec-unknown-key"),
    "a key in two cases": (L.replace("Hooks:", "resources: []\nHooks:"), "10:12 appspec-key-twice"),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_once_at_its_place_with_its_rule(text: str, expected: str) -> None:
    places = rules(text)

    assert [problem.split()[1] for problem in places] == [expected.split()[1]], places
    assert places[0].split(":")[0] == expected.split(":")[0], places


def test_an_appspec_for_servers_is_recognized_by_its_keys() -> None:
    text = (
        "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv\n"
        "hooks:\n  AfterInstall:\n    - location: a.sh\n"
    )

    assert rules(text) == ["2:5 appspec-ec2", "4:3 appspec-ec2"]


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("beforeallowtraffic", "BeforeAllowTraffic", "write BeforeAllowTraffic"),
        ("AfterInstall", "BeforeAllowTraffic", "Lambda deployments do not have it"),
        ("$LATEST", "2", "publish a version"),
        ("arn:aws:lambda:us-east-1:111122223333:function:orders:2", "2", "write 2 and not the ARN"),
        ("AWS::Lambda::Alias", "AWS::Lambda::Function", "it must be AWS::Lambda::Function or AWS::ECS::Service"),
    ],
)
def test_a_message_suggests_a_correction(wrong: str, right: str, words: str) -> None:
    assert words in message_of(
        LAMBDA_EXAMPLE.replace(right, wrong, 1) if right != "2" else L.replace('"2"', f'"{wrong}"')
    )


@pytest.mark.parametrize("later", ["<VERSION>", "${VERSION}", "$VERSION", "'{{ version }}'"])
def test_a_placeholder_for_a_pipeline_is_not_a_mistake(later: str) -> None:
    assert rules(LAMBDA_EXAMPLE.replace('"2"', later)) == []


def test_a_missing_colon_in_json_is_reported_at_its_place() -> None:
    text = json.dumps(yaml.safe_load(LAMBDA_EXAMPLE), indent=2).replace('"Alias":', '"Alias"')

    assert rules(text, "appspec.json") == ["9:19 yaml-syntax"]


def test_yaml_in_a_json_file_is_rejected() -> None:
    assert rules(LAMBDA_EXAMPLE, "appspec.json") == ["1:1 yaml-syntax"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["Type", "Properties", "Name", "hooks", "Hooks", "x", "LoadBalancerInfo", "NetworkConfiguration"]
                ),
                below,
                max_size=3,
            )
        ),
    )
)
def test_no_content_of_an_appspec_crashes_the_linter(anything: Any) -> None:
    for key, value in (("Resources", anything), ("Hooks", anything)):
        whole = {**yaml.safe_load(ECS_EXAMPLE), key: value}
        list(check_appspec(yaml_reader.Document(whole, None)))
    for key in ("LoadBalancerInfo", "NetworkConfiguration", "CapacityProviderStrategy", "TaskDefinition"):
        whole = yaml.safe_load(ECS_EXAMPLE)
        whole["Resources"][0]["TargetService"]["Properties"][key] = anything
        list(check_appspec(yaml_reader.Document(whole, None)))
