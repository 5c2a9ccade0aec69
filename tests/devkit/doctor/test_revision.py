"""The doctor reads the AppSpec wherever CodeDeploy keeps it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st

from devkit.doctor.revision import parse_revision
from tests.support.doctor_world import World, appspec

REVISIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"revisionType": "String", "string": {"content": appspec("Lambda"), "sha256": "0"}}, []),
    ({"revisionType": "String", "string": {"sha256": "0"}}, []),
    ({"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec("Lambda")}}, []),
    ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.json", "bundleType": "JSON"}}, []),
    ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.zip", "bundleType": "zip"}}, ["could-not-look"]),
    ({"revisionType": "GitHub", "gitHubLocation": {"repository": "a/b", "commitId": "c"}}, ["could-not-look"]),
]  # fmt: skip


@pytest.mark.parametrize(("revision", "found"), REVISIONS, ids=range(len(REVISIONS)))
def test_the_appspec_is_read_wherever_it_can_be(revision: dict[str, Any], found: list[str]) -> None:
    world = World("Lambda")
    world.revision = lambda: revision  # type: ignore[method-assign]

    def stored(asked: dict[str, Any]) -> dict[str, Any]:
        data = (world.plan if asked["Bucket"] == "plans" else world.appspec).encode()
        return {"Body": StreamingBody(io.BytesIO(data), len(data))}

    world.table["s3.get_object"] = stored

    symptoms = world.examined()

    assert [each.rule for each in symptoms] == found
    assert all("--appspec FILE" in each.message for each in symptoms)


def test_of_a_group_that_never_deployed_the_appspec_is_asked_for() -> None:
    world = World("Lambda")
    world.group.pop("lastAttemptedDeployment")
    world.table["codedeploy.list_deployments"] = {"deployments": []}

    (found,) = world.examined()

    assert (found.rule, found.harm) == ("could-not-look", "not seen")
    assert "has never deployed" in found.message
    assert "--appspec FILE" in found.fix
    assert World("Lambda").found(appspec=parse_revision(world.appspec, "appspec.yaml", is_next=True)) == []


@given(st.text(max_size=200))
def test_no_text_is_a_crash_as_an_appspec(text: str) -> None:
    assert parse_revision(text, "appspec.yaml").source == "appspec.yaml"
