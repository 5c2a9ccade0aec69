"""greenlight iam: a policy that AWS accepts, with the permissions that the plan's checks need and no others."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from moto import mock_aws

from devkit.cli.main import main
from devkit.reference import struct_docs
from greenlight.api import Validator
from greenlight.aws.client import Aws
from greenlight.checks.registry import Registry
from greenlight.plan.decoder import convert
from greenlight.plan.parser import parse

if TYPE_CHECKING:
    from pathlib import Path

ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z]+")
ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):[a-z0-9-]+:[a-z0-9*-]*:[0-9*]*:[^\s$]+")
MAX_MANAGED_POLICY = 6144

ORDER = """\
version: 1
stages:
  BeforeAllowTraffic:
    checks:
      - name: alarms stay quiet
        alarms: {names: [orders-5xx]}
  AfterAllowTraffic:
    checks:
      - name: an order reaches the warehouse
        effect:
          capture: {probe: unique}
          cause: {sqs: {to: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", message: "${probe}"}}
          see: {s3: {bucket: labels, key: "${probe}.pdf"}}
          clean_up:
            - s3: {bucket: labels, key: "${probe}.pdf"}
            - dynamodb: {table: shipments, key: {id: "${probe}"}}
      - name: who may reads it
        http:
          get: /orders/1
          headers:
            authorization: Bearer ${secret:secretsmanager:shop/smoke#token}
            x-api-key: ${secret:ssm:/shop/key}
          expect: {status: 200}
"""


def policy(capsys: Any, tmp_path: Path, text: str, *arguments: str) -> dict[str, Any]:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    assert main(["iam", str(path), "--format", "json", *arguments]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def allowed(document: dict[str, Any]) -> dict[str, set[str]]:
    """Return the resources by action."""
    resources: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        for action in statement["Action"]:
            resources.setdefault(action, set()).update(statement["Resource"])
    return resources


def test_a_plan_that_is_wrong_ends_with_2_and_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(ORDER.replace("alarms: {names", "alarm: {names"))

    assert main(["iam", str(path)]) == 2
    assert (
        f"{path}:6:9: stages.BeforeAllowTraffic.checks[0].alarm: there is no validator 'alarm'"
        in capsys.readouterr().err
    )
    assert main(["iam", str(tmp_path / "nothing.yaml")]) == 2


def test_a_stage_that_the_plan_has_not_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(ORDER)

    assert main(["iam", str(path), "--stage", "BeforeInstall"]) == 2
    assert "it has BeforeAllowTraffic, AfterAllowTraffic" in capsys.readouterr().err


def test_only_the_resources_of_the_parameters_are_allowed(tmp_path: Path, capsys: Any) -> None:
    assert allowed(policy(capsys, tmp_path, ORDER)) == {
        "sqs:SendMessage": {"arn:aws:sqs:eu-west-1:123456789012:orders"},
        "s3:GetObject": {"arn:aws:s3:::labels/*.pdf"},
        "s3:DeleteObject": {"arn:aws:s3:::labels/*.pdf"},
        "s3:ListBucket": {"arn:aws:s3:::labels"},
        "dynamodb:DeleteItem": {"arn:aws:dynamodb:*:*:table/shipments"},
        "secretsmanager:GetSecretValue": {"arn:aws:secretsmanager:*:*:secret:shop/smoke-??????"},
        "ssm:GetParameter": {"arn:aws:ssm:*:*:parameter/shop/key"},
    }


def test_a_queue_whose_address_says_nothing_is_any_queue_and_the_policy_says_why(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(ORDER.replace("https://sqs.eu-west-1.amazonaws.com/123456789012/orders", "${green.url}/q"))

    assert main(["iam", str(path), "--format", "yaml"]) == 0

    out = capsys.readouterr().out
    assert "  # an order reaches the warehouse (effect)\n  # why *: " in out
    assert allowed(yaml.safe_load(out))["sqs:SendMessage"] == {"*"}


def test_a_stage_whose_checks_the_template_allows_needs_no_policy(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(ORDER)

    assert policy(capsys, tmp_path, ORDER, "--stage", "BeforeAllowTraffic")["Statement"] == []
    assert main(["iam", str(path), "--stage", "BeforeAllowTraffic"]) == 0
    out = capsys.readouterr().out
    assert (
        "template.yaml already grants these actions to the functions that run checks:\n  cloudwatch:DescribeAlarms\n"
        in out
    )
    assert "No further policy is needed." in out


def test_another_partition_has_arns_of_its_own(tmp_path: Path, capsys: Any) -> None:
    document = policy(capsys, tmp_path, ORDER, "--partition", "aws-cn")

    assert {arn.split(":")[1] for arns in allowed(document).values() for arn in arns} == {"aws-cn"}


NAMES = [name for name in Registry().names() if name.isidentifier()]


def example(name: str) -> tuple[Validator, str]:
    """Return a validator, and the example of its docstring as a plan."""
    validator = Registry().get(name)
    assert validator is not None
    block = struct_docs.example_of_module(__import__(f"validators.{name}", fromlist=[name]))
    indented = "".join(f"    {line}" for line in block.splitlines(keepends=True))
    return validator, f"version: 1\nstages:\n  {validator.stages[-1]}:\n{indented}"


@pytest.mark.parametrize("name", NAMES)
def test_every_validators_example_has_a_policy_that_aws_takes(
    name: str, tmp_path: Path, capsys: Any, no_aws_account: None
) -> None:
    document = policy(capsys, tmp_path, example(name)[1])

    assert set(document) == {"Version", "Statement"}
    assert len(json.dumps(document)) <= MAX_MANAGED_POLICY
    for statement in document["Statement"]:
        assert set(statement) == {"Sid", "Effect", "Action", "Resource"}
        assert all(ACTION.fullmatch(action) for action in statement["Action"])
        assert all(arn == "*" or ARN.fullmatch(arn) for arn in statement["Resource"])
    if document["Statement"]:
        with mock_aws():
            Aws().call("iam", "create_policy", PolicyName="checks", PolicyDocument=json.dumps(document))


@pytest.mark.parametrize("name", NAMES)
def test_no_parameters_need_an_action_that_the_validator_does_not_declare(name: str) -> None:
    validator, text = example(name)
    checks = [check for stage in parse(text).stages.values() for check in stage.checks if check.validator == name]

    for check in checks:
        params, mistakes = convert(check.params, validator.params)
        assert mistakes == []
        assert {action for action, _ in validator.required_iam(params)} <= set(validator.iam)


SHARED = """\
version: 1
checks:
  - name: the parcel left
    effect:
      capture: {probe: unique}
      cause: {sqs: {to: "https://sqs.eu-west-1.amazonaws.com/123456789012/parcels", message: "${probe}"}}
      see: {s3: {bucket: "${bucket}", key: "${probe}.pdf"}}
"""


def elsewhere() -> str:
    digest = hashlib.sha256(SHARED.encode()).hexdigest()
    return f"""\
version: 1
environments:
  prod: {{variables: {{bucket: labels}}}}
  staging: {{variables: {{bucket: labels-staging}}}}
stages:
  AfterAllowTraffic:
    include: [{{uri: "s3://platform/base.yaml", sha256: {digest}}}]
"""


def test_a_fragment_that_no_file_stands_for_ends_with_2_and_says_how(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(elsewhere())

    assert main(["iam", str(path)]) == 2
    assert "name a file with --include s3://platform/base.yaml=FILE" in capsys.readouterr().err


def test_an_environment_that_the_plan_has_not_ends_with_2(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "base.yaml").write_text(SHARED)
    path = tmp_path / "plan.yaml"
    path.write_text(elsewhere())
    include = ("--include", f"s3://platform/base.yaml={tmp_path / 'base.yaml'}")

    assert main(["iam", str(path), *include, "--environment", "prd"]) == 2
    assert "the plan has no environment 'prd'; did you mean 'prod'?" in capsys.readouterr().err


def test_the_policy_is_for_all_environments_and_fragments_or_for_one_environment(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "base.yaml").write_text(SHARED)
    include = ("--include", f"s3://platform/base.yaml={tmp_path / 'base.yaml'}")

    everywhere = allowed(policy(capsys, tmp_path, elsewhere(), *include))
    prod = allowed(policy(capsys, tmp_path, elsewhere(), *include, "--environment", "prod"))

    assert everywhere["s3:ListBucket"] == {"arn:aws:s3:::labels", "arn:aws:s3:::labels-staging"}
    assert everywhere["sqs:SendMessage"] == {"arn:aws:sqs:eu-west-1:123456789012:parcels"}
    assert prod["s3:ListBucket"] == {"arn:aws:s3:::labels"}
    assert prod["s3:GetObject"] == {"arn:aws:s3:::labels/*.pdf", "arn:aws:s3:::platform/base.yaml"}


@mock_aws
def test_a_plan_is_read_where_it_is_kept(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    aws = Aws()
    aws.call("s3", "create_bucket", Bucket="plans", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws.call("s3", "put_object", Bucket="plans", Key="shop.yaml", Body=ORDER.encode())
    aws.call("ssm", "put_parameter", Name="/plans/shop", Value=ORDER, Type="String")

    for uri, status in (("s3://plans/shop.yaml", 0), ("ssm:/plans/shop", 0), ("s3://plans/none.yaml", 2)):
        assert main(["iam", uri, "--format", "json"]) == status, uri
        assert ("s3:GetObject" in capsys.readouterr().out) == (status == 0)
