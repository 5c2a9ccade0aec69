"""The AppSpec is read from every place where CodeDeploy stores it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st

from devkit.doctor.revision import parse_revision
from tests.support.doctor_account import DoctorAccount, appspec

REVISIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"revisionType": "String", "string": {"content": appspec("Lambda"), "sha256": "0"}}, []),
    ({"revisionType": "String", "string": {"sha256": "0"}}, []),
    ({"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec("Lambda")}}, []),
    ({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.json", "bundleType": "JSON"}}, []),
    (
        {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "appspec.zip", "bundleType": "zip"}},
        ["could-not-look"],
    ),
    ({"revisionType": "GitHub", "gitHubLocation": {"repository": "a/b", "commitId": "c"}}, ["could-not-look"]),
]


@pytest.mark.parametrize(("revision", "rules"), REVISIONS, ids=range(len(REVISIONS)))
def test_appspec_is_read_from_every_supported_place(revision: dict[str, Any], rules: list[str]) -> None:
    account = DoctorAccount("Lambda")
    account.revision = lambda: revision  # type: ignore[method-assign]

    def stored(request: dict[str, Any]) -> dict[str, Any]:
        data = (account.plan if request["Bucket"] == "plans" else account.appspec).encode()
        return {"Body": StreamingBody(io.BytesIO(data), len(data))}

    account.table["s3.get_object"] = stored

    symptoms = account.examine()

    assert [symptom.rule for symptom in symptoms] == rules
    assert all("--appspec FILE" in symptom.message for symptom in symptoms)


def test_group_that_was_never_deployed_needs_an_appspec() -> None:
    account = DoctorAccount("Lambda")
    account.group.pop("lastAttemptedDeployment")
    account.table["codedeploy.list_deployments"] = {"deployments": []}

    (symptom,) = account.examine()

    assert (symptom.rule, symptom.harm) == ("could-not-look", "not seen")
    assert "has never been deployed" in symptom.message
    assert "--appspec FILE" in symptom.fix
    assert (
        DoctorAccount("Lambda").broken_rules(appspec=parse_revision(account.appspec, "appspec.yaml", is_next=True))
        == []
    )


@given(st.text(max_size=200))
def test_arbitrary_appspec_text_does_not_crash(text: str) -> None:
    assert parse_revision(text, "appspec.yaml").source == "appspec.yaml"
