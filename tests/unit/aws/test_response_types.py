"""Responses of AWS with values of other types than the model says."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse

from greenlight.aws.client import Aws
from greenlight.aws.repeat import TransientError
from tests.support.account import Account


class AnyAccount(Account):
    """Account that does not validate its responses."""

    def _respond(self, model: Any, **_: Any) -> tuple[AWSResponse, Any]:
        return AWSResponse("", 200, {}, None), self.table[
            f"{model.service_model.service_name}.{xform_name(model.name)}"
        ]


@pytest.mark.parametrize(
    ("response", "place"),
    [
        ([], "DescribeAlarmsOutput is of type list"),
        ({"MetricAlarms": {}}, "DescribeAlarmsOutput.MetricAlarms is of type dict, not list"),
        ({"MetricAlarms": [None]}, "MetricAlarms[] is null"),
        ({"MetricAlarms": ["x"]}, "DescribeAlarmsOutput.MetricAlarms[] is of type str, not structure"),
        ({"MetricAlarms": [{"AlarmName": 1}]}, "MetricAlarms[].AlarmName is of type int, not string"),
        ({"MetricAlarms": [{"Period": True}]}, "MetricAlarms[].Period is of type bool, not integer"),
        ({"MetricAlarms": [{"StateUpdatedTimestamp": "now"}]}, "StateUpdatedTimestamp is of type str, not timestamp"),
        ({"MetricAlarms": [{"Dimensions": [{"Name": []}]}]}, "Dimensions[].Name is of type list, not string"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_value_of_another_type_is_an_error_that_names_call_and_place(response: Any, place: str) -> None:
    with pytest.raises(TransientError) as caught:
        Aws(AnyAccount({"cloudwatch.describe_alarms": response})).call("cloudwatch", "describe_alarms")
    assert str(caught.value).startswith("the response to cloudwatch:DescribeAlarms cannot be parsed")
    assert place in str(caught.value)


def test_policy_that_botocore_has_decoded_is_accepted() -> None:
    role = {"Role": {"RoleName": "r", "AssumeRolePolicyDocument": "%7B%22Statement%22%3A%5B%5D%7D"}}
    response = Aws(AnyAccount({"iam.get_role": role})).call("iam", "get_role", RoleName="r")
    assert response["Role"]["AssumeRolePolicyDocument"] == {"Statement": []}


@pytest.mark.parametrize("number", ["NaN", "Infinity", 1, 1.5])
def test_number_that_json_cannot_express_is_accepted(number: object) -> None:
    response = {"MetricAlarms": [{"Threshold": number}]}
    assert Aws(AnyAccount({"cloudwatch.describe_alarms": response})).call("cloudwatch", "describe_alarms") == response


@pytest.mark.parametrize(
    "response", [{}, {"MetricAlarms": None}, {"MetricAlarms": [{}]}, {"Unknown": [1], "MetricAlarms": []}]
)
def test_members_may_be_missing_null_or_unknown(response: Any) -> None:
    account = Aws(AnyAccount({"cloudwatch.describe_alarms": response}))
    assert account.call("cloudwatch", "describe_alarms") == response


def test_policy_that_botocore_decodes_is_accepted() -> None:
    account = Aws(AnyAccount({"iam.get_role": {"Role": {"AssumeRolePolicyDocument": '{"Statement": []}'}}}))

    response = account.call("iam", "get_role", RoleName="hook")

    assert response["Role"]["AssumeRolePolicyDocument"] == {"Statement": []}
