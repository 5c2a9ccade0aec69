"""The principal that created a deployment, by CloudTrail; one that is not certain is an error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.discovery.deployer import Deployer, UnknownDeployerError, find_deployer
from tests.support.codedeploy_fake import CodeDeploy
from tests.support.identity_fakes import CloudTrail, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOYMENT = "d-ABCDEF123"
ALICE, BOB = session_of("Deploy", "alice"), session_of("Deploy", "bob")


@pytest.fixture
def trail(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudTrail]:
    with CodeDeploy() as codedeploy, CloudTrail() as fake:
        codedeploy.deployments[DEPLOYMENT] = {"createTime": time.time()}
        monkeypatch.setenv("AWS_ENDPOINT_URL_CODEDEPLOY", codedeploy.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", fake.url)
        yield fake


def test_an_event_that_is_not_there_yet_is_an_error(trail: CloudTrail) -> None:
    with pytest.raises(UnknownDeployerError, match="no event CreateDeployment of d-ABCDEF123 yet"):
        find_deployer(Aws(), DEPLOYMENT)


def test_events_of_other_deployments_services_and_refused_calls_do_not_count(trail: CloudTrail) -> None:
    trail.add_deployment("d-OTHER0001", ALICE)
    trail.add_deployment(DEPLOYMENT, ALICE, eventSource="apigateway.amazonaws.com")
    trail.add_deployment(DEPLOYMENT, ALICE, responseElements=None)
    with pytest.raises(UnknownDeployerError):
        find_deployer(Aws(), DEPLOYMENT)


def test_a_service_without_an_arn_is_an_error(trail: CloudTrail) -> None:
    trail.add_deployment(DEPLOYMENT, None)
    with pytest.raises(UnknownDeployerError, match=r"was created by codedeploy.amazonaws.com, which has no ARN"):
        find_deployer(Aws(), DEPLOYMENT)


def test_a_denied_call_is_an_error(trail: CloudTrail) -> None:
    trail.is_denied = True
    with pytest.raises(AwsError, match="cloudtrail:LookupEvents"):
        find_deployer(Aws(), DEPLOYMENT)


def test_the_deployer_is_found_on_a_later_page(trail: CloudTrail) -> None:
    trail.add_deployment("d-OTHER0001", ALICE)
    trail.add_deployment(DEPLOYMENT, BOB)
    assert find_deployer(Aws(), DEPLOYMENT) == Deployer(arn=BOB.arn, principal_id=BOB.user_id)


@pytest.mark.parametrize(
    ("arn", "user_id", "is_same"),
    [
        (ALICE.arn, ALICE.user_id, True),
        (ALICE.arn.upper(), "", True),
        ("arn:aws:sts::111122223333:assumed-role/Renamed/alice", ALICE.user_id, True),
        (BOB.arn, BOB.user_id, False),
        ("arn:aws:sts::111122223333:assumed-role/Release/alice", "AROARELEASE:alice", False),
    ],
)
def test_the_same_session_of_a_role_is_the_same_principal(arn: str, user_id: str, is_same: bool) -> None:
    assert Deployer(arn=ALICE.arn, principal_id=ALICE.user_id).is_same(arn, user_id) is is_same


def test_one_person_with_two_roles_of_identity_center_is_the_same() -> None:
    deployer = Deployer(arn=session_of("AWSReservedSSO_Deploy_0a1b", "alice@example.com").arn)
    other = session_of("AWSReservedSSO_Release_2c3d", "Alice@example.com")
    assert deployer.is_same(other.arn, other.user_id)
    assert not deployer.is_same(session_of("AWSReservedSSO_Release_2c3d", "bob@example.com").arn, "")
    assert not deployer.is_same(session_of("Release", "alice@example.com").arn, "")
