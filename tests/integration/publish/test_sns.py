"""Notice of a verdict on an SNS topic."""

from __future__ import annotations

import json

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.publish import sns
from tests.support.account import Account
from tests.support.channels import create_queue, queue_arn, receive, short_report


def test_notice_of_a_queue_has_attributes_and_the_event(aws: Aws) -> None:
    queue, sns_client = create_queue(aws), aws.client("sns")
    topic = sns_client.create_topic(Name="releases")["TopicArn"]
    filtered = {"FilterPolicy": json.dumps({"verdict": ["Failed"], "application": ["shop"]})}
    sns_client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(aws, queue), Attributes=filtered)
    sns.notify(aws, topic, short_report(application="other"), "")
    sns.notify(aws, topic, short_report(application="shop", group="ä" * 300), "s3://reports/x.json")
    notice = receive(aws, queue)
    assert notice["MessageAttributes"]["stage"]["Value"] == "AfterInstall"
    assert json.loads(notice["Message"])["report"] == "s3://reports/x.json"
    assert notice["Subject"].isascii()
    assert len(notice["Subject"]) < 100


def test_denied_publish_names_the_permission() -> None:
    with pytest.raises(AwsError, match="sns:Publish was denied"):
        sns.notify(Aws(Account({"sns.publish": "AuthorizationError"})), "arn:aws:sns:::t", short_report(), "")
