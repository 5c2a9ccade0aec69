"""Events are read back with AWS Lambda Powertools' own classes, which were written against real ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aws_lambda_powertools.utilities import data_classes

from greenlight.api import EventMetadata, LambdaEvent, build_event, read_response
from greenlight.plan.decoder import convert

STAMP = EventMetadata(region="mars-west-1", at=1_700_000_000.5, seed="d-TEST00001")


def event(raw: Any) -> Any:
    read, mistakes = convert(raw, LambdaEvent)
    assert not mistakes
    assert read is not None
    return build_event(read, STAMP)


REQUEST = {
    "post": "/orders/a%20b",
    "route": "/orders/{id}",
    "query": {"page": 2, "tag": ["x", "y z"]},
    "headers": {"Authorization": "Bearer t", "Cookie": "a=1; b=2"},
    "body": {"json": {"sku": "A1"}},
    "claims": {"sub": "u1"},
}


def test_an_http_api_sends_version_two() -> None:
    seen = data_classes.APIGatewayProxyEventV2(event({"api_gateway_v2": REQUEST}))
    assert (seen.http_method, seen.path, seen.route_key) == ("POST", "/orders/a%20b", "POST /orders/{id}")
    assert seen.path_parameters == {"id": "a b"}
    assert seen.query_string_parameters == {"page": "2", "tag": "x,y z"}
    assert seen.raw_query_string == "page=2&tag=x&tag=y+z"
    assert seen.cookies == ["a=1", "b=2"]
    assert seen.headers["authorization"] == "Bearer t"
    assert seen.json_body == {"sku": "A1"}
    authorizer = seen.request_context.authorizer
    assert authorizer is not None
    assert authorizer.jwt_claim == {"sub": "u1"}
    assert seen.request_context.time == "14/Nov/2023:22:13:20 +0000"


def test_a_rest_api_sends_version_one() -> None:
    raw = event({"api_gateway_v1": REQUEST})
    seen = data_classes.APIGatewayProxyEvent(raw)
    assert (seen.http_method, seen.path, seen.resource) == ("POST", "/orders/a%20b", "/orders/{id}")
    assert seen.multi_value_query_string_parameters == {"page": ["2"], "tag": ["x", "y z"]}
    assert raw["queryStringParameters"] == {"page": "2", "tag": "y z"}
    assert raw["requestContext"]["path"] == "/prod/orders/a%20b"
    assert seen.json_body == {"sku": "A1"}
    assert raw["requestContext"]["authorizer"] == {"claims": {"sub": "u1"}}


def test_absent_values_are_null_for_a_rest_api_and_absent_for_an_http_api() -> None:
    one, two = event({"api_gateway_v1": {"get": "/"}}), event({"api_gateway_v2": {"get": "/"}})
    assert {one[key] for key in ("body", "queryStringParameters", "pathParameters", "stageVariables")} == {None}
    assert not {"body", "queryStringParameters", "pathParameters", "stageVariables", "cookies"} & two.keys()


def test_a_load_balancer_leaves_the_query_encoded_and_the_body_empty() -> None:
    raw = event({"alb": {"get": "/find?q=a%20b", "headers": {"X-Want": "1"}}})
    seen = data_classes.ALBEvent(raw)
    assert (seen.http_method, seen.path, raw["body"]) == ("GET", "/find", "")
    assert raw["queryStringParameters"] == {"q": "a%20b"}
    assert raw["headers"]["x-want"] == "1"
    assert raw["requestContext"]["elb"]["targetGroupArn"].startswith("arn:aws:elasticloadbalancing:mars-west-1:")


def test_a_function_url_has_no_routes() -> None:
    seen = data_classes.LambdaFunctionUrlEvent(event({"function_url": REQUEST}))
    assert (seen.route_key, seen.path_parameters or {}) == ("$default", {})
    assert seen.request_context.domain_name == "url.lambda-url.mars-west-1.on.aws"


@pytest.mark.parametrize("kind", ["api_gateway_v1", "api_gateway_v2", "alb", "function_url"])
def test_bytes_travel_as_base64(kind: str) -> None:
    raw = event({kind: {"post": "/", "body": {"base64": "/wA="}}})
    assert (raw["body"], raw["isBase64Encoded"]) == ("/wA=", True)


def test_messages_of_queues_and_topics() -> None:
    sqs = data_classes.SQSEvent(
        event({"sqs": {"queue": "jobs.fifo", "messages": [{"id": 1}, "two"], "attributes": {"n": 3}}})
    )
    first, second = sqs.records
    assert (first.json_body, second.body, first.queue_url.rpartition("/")[2]) == ({"id": 1}, "two", "jobs.fifo")
    assert first.message_id != second.message_id
    assert first.message_attributes["n"].data_type == "Number"
    assert first.attributes.message_group_id == "greenlight"
    sns = next(data_classes.SNSEvent(event({"sns": {"topic": "t", "messages": [{"a": 1}], "subject": "s"}})).records)
    assert (sns.sns.message, sns.sns.subject, sns.sns.topic_arn) == (
        '{"a": 1}',
        "s",
        "arn:aws:sns:mars-west-1:123456789012:t",
    )


def test_an_object_key_is_encoded_as_s3_does() -> None:
    raw = event({"s3": {"bucket": "b", "key": "in/a b+c.csv"}})
    seen = data_classes.S3Event(raw)
    assert raw["Records"][0]["s3"]["object"]["key"] == "in/a+b%2Bc.csv"
    assert (seen.bucket_name, seen.object_key) == ("b", "in/a b+c.csv")


def test_events_of_buses_streams_and_user_pools() -> None:
    bus = data_classes.EventBridgeEvent(
        event({"eventbridge": {"source": "shop", "detail_type": "Paid", "detail": {"n": 1}}})
    )
    assert (bus.detail_type, bus.detail, bus.time) == ("Paid", {"n": 1}, "2023-11-14T22:13:20Z")
    change = {"keys": {"id": 1}, "new": {"name": "x", "tags": ["a"]}, "old": {"name": "y"}}
    row = next(data_classes.DynamoDBStreamEvent(event({"dynamodb_stream": {"changes": [change]}})).records)
    assert row.event_name is not None
    assert row.event_name.name == "MODIFY"
    assert row.dynamodb is not None
    assert row.dynamodb.new_image == {"id": 1, "name": "x", "tags": ["a"]}
    kinesis = next(data_classes.KinesisStreamEvent(event({"kinesis": {"records": [{"a": 1}]}})).records)
    assert kinesis.kinesis.data_as_json() == {"a": 1}
    pool = event({"cognito": {"trigger": "PreSignUp_SignUp", "attributes": {"email": "a@b.example"}}})
    assert pool["request"]["userAttributes"] == {"email": "a@b.example"}
    assert pool["triggerSource"] == "PreSignUp_SignUp"


def test_one_description_and_one_stamp_give_one_event() -> None:
    assert event({"sqs": {"messages": ["a"]}}) == event({"sqs": {"messages": ["a"]}})


def test_cookies_and_several_values_become_headers() -> None:
    payload = {
        "statusCode": 200,
        "headers": {"A": "1", "x": "single"},
        "multiValueHeaders": {"X": ["1", "2"]},
        "cookies": ["c=1"],
        "body": "aGk=",
        "isBase64Encoded": True,
    }
    seen = read_response("api_gateway_v2", payload)
    assert (seen.header("x"), seen.header("a"), seen.header("set-cookie"), seen.body) == ("1, 2", "1", "c=1", b"hi")
    assert seen.header("content-type") == "application/json"
    assert msgspec.json.encode(seen.status) == b"200"
