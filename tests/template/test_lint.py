"""SAM and cfn-lint accept the templates, before and after the transform; and cfn-lint finds mistakes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from greenlight.machine.pipeline import Job, parse_gate
from tests.support.sam_template import ROOT, parse, transform, transformed

# One region of each partition.
REGIONS = ["eu-central-1", "cn-north-1", "us-gov-west-1"]
# The transform substitutes parameters in the name of a layer and keeps the Fn::Sub around it.
UNNEEDED_SUB = "W1020"
# The transform copies global variables into a function that exists on the condition of one of them.
UNREACHABLE_VALUE = "W1028"
# The transform substitutes the Type of a DeploymentPreference, which leaves its parameter unused.
UNUSED_PARAMETER = "W2001"


def findings(template: dict, regions: list[str] = REGIONS, ignored: tuple[str, ...] = ()) -> list[str]:
    import cfnlint  # takes a second, and every test process imports this file
    from cfnlint.api import ManualArgs

    config = ManualArgs(regions=regions, ignore_checks=list(ignored))
    return sorted({f"{match.rule.id} {match.message}" for match in cfnlint.lint(json.dumps(template), config=config)})


def test_transformed_template_has_no_findings_in_three_partitions() -> None:
    assert findings(transformed(), ignored=(UNNEEDED_SUB, UNREACHABLE_VALUE)) == []


def test_mistakes_that_cloudformation_would_reject_are_found() -> None:
    template = transformed()
    template["Resources"]["LastResortFunction"]["Properties"]["Runtime"] = "python9.9"
    template["Resources"]["AfterAllowTrafficFunction"]["Properties"]["Role"] = {"Fn::GetAtt": ["MissingRole", "Arn"]}

    rule_ids = {finding.split()[0] for finding in findings(template, REGIONS[:1])}

    assert {"E3030", "E1010"} <= rule_ids


def test_example_stack_for_ecs_has_no_findings() -> None:
    assert findings(parse((ROOT / "examples" / "ecs" / "template.yaml").read_text())) == []


def test_example_pipeline_has_no_findings_and_its_action_names_a_gate() -> None:
    template = parse((ROOT / "examples" / "pipelines" / "codepipeline.yaml").read_text())
    stages = template["Resources"]["Pipeline"]["Properties"]["Stages"]
    (gate,) = [action for stage in stages for action in stage["Actions"] if action["Name"] == "Gate"]
    parameters = gate["Configuration"]["UserParameters"]["Fn::Sub"]
    values = {"Application": "shop", "DeploymentGroup": "web"}
    text = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], parameters)

    assert findings(template, REGIONS[:1]) == []
    assert parse_gate(Job(id="1", parameters=text)).application == "shop"
    assert gate["Configuration"]["FunctionName"] == {"Fn::ImportValue": "greenlight-PipelineAction"}


def test_transformed_example_stack_for_lambda_has_no_findings() -> None:
    template = parse((ROOT / "examples" / "lambda" / "template.yaml").read_text())

    assert findings(transform(template), ignored=(UNUSED_PARAMETER,)) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "multi-account").glob("*.yaml")), ids=lambda path: path.stem
)
def test_example_stacks_for_many_accounts_have_no_findings(path: Path) -> None:
    assert findings(parse(path.read_text())) == []


@pytest.mark.sam
def test_sam_accepts_the_template() -> None:
    sam = Path(sys.executable).with_name("sam")
    process = subprocess.run(
        [sam, "validate", "--lint", "--config-env", "prod"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (process.returncode, process.stderr) == (0, ""), process.stdout + process.stderr
