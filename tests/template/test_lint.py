"""SAM and CloudFormation accept the template, as written and as transformed; and the check that says so can say no."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT, parse, transform, transformed

# One region of each partition.
REGIONS = ["eu-central-1", "cn-north-1", "us-gov-west-1"]
# The transform fills in parameters in a layer's name and leaves the Sub around it.
OF_LAYER_NAMES = "W1020"
# The transform fills in a DeploymentPreference's Type, and nothing of that parameter is left.
OF_SHIFTS = "W2001"


def findings(template: dict, regions: list[str] = REGIONS, but: str = "") -> list[str]:
    import cfnlint  # a second, and every test process reads this file
    from cfnlint.api import ManualArgs

    config = ManualArgs(regions=regions, ignore_checks=[but] if but else [])
    return sorted({f"{match.rule.id} {match.message}" for match in cfnlint.lint(json.dumps(template), config=config)})


def test_the_transformed_template_has_no_finding_in_three_partitions() -> None:
    assert findings(transformed(), but=OF_LAYER_NAMES) == []


def test_what_cloudformation_would_refuse_is_found() -> None:
    template = transformed()
    template["Resources"]["LastResortFunction"]["Properties"]["Runtime"] = "python9.9"
    template["Resources"]["AfterAllowTrafficFunction"]["Properties"]["Role"] = {"Fn::GetAtt": ["NobodyRole", "Arn"]}

    found = {finding.split()[0] for finding in findings(template, REGIONS[:1])}

    assert {"E3030", "E1010"} <= found


def test_the_example_stack_for_ecs_is_accepted() -> None:
    assert findings(parse((ROOT / "examples" / "ecs" / "template.yaml").read_text())) == []


def test_the_example_stack_for_lambda_is_accepted_once_transformed() -> None:
    template = parse((ROOT / "examples" / "lambda" / "template.yaml").read_text())

    assert findings(transform(template), but=OF_SHIFTS) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "multi-account").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_stacks_for_many_accounts_are_accepted(path: Path) -> None:
    assert findings(parse(path.read_text())) == []


@pytest.mark.sam
def test_sam_accepts_the_template() -> None:
    sam = Path(sys.executable).with_name("sam")
    done = subprocess.run(
        [sam, "validate", "--lint", "--config-env", "prod"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
