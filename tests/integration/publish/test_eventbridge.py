"""EventBridge event of a verdict."""

from __future__ import annotations

import json

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.publish import eventbridge
from tests.support.account import Account
from tests.support.channels import create_queue, queue_arn, receive, short_report


def test_event_matches_a_rule_for_failed_verdicts(aws: Aws) -> None:
    queue, events = create_queue(aws), aws.client("events")
    pattern = {"source": ["greenlight"], "detail": {"verdict": ["Failed"], "deployment": {"application": ["shop"]}}}
    events.put_rule(Name="closed", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="closed", Targets=[{"Id": "queue", "Arn": queue_arn(aws, queue)}])
    eventbridge.put(aws, "default", short_report(application="other"), "")
    eventbridge.put(aws, "default", short_report(application="shop"), "s3://reports/x.json")
    event = receive(aws, queue)
    assert (event["source"], event["detail-type"]) == ("greenlight", "greenlight verdict")
    assert event["detail"]["report"] == "s3://reports/x.json"


def test_unaccepted_event_is_an_error_despite_status_200() -> None:
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "NotAuthorized", "ErrorMessage": "not yours"}]}
    with pytest.raises(AwsError, match="did not accept the event"):
        eventbridge.put(Aws(Account({"events.put_events": refused})), "default", short_report(), "")
