"""Events as Lambda gets them, made from short descriptions, and what the callers make of the answers. Pure.

A version under deployment has no URL. With the event that its API would send, and its answer read the way the API
reads it, expectations about status, headers and body hold for it all the same.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html,
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html and the pages of the services that follow there.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
import urllib.parse
import uuid
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import Params, Response
from greenlight.exchange import Call
from greenlight.missing import MISSING

ACCOUNT = "123456789012"
_ROUTE_PART = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")

Items = Annotated[list[Any], msgspec.Meta(min_length=1, max_length=100)]


class HttpEvent(Call, frozen=True, kw_only=True):
    """A request as an API hands it on.

    `route` is the API's pattern, such as /orders/{id}, and gives the path parameters; `claims` are those of a token
    that the API's authorizer took; `stage` and `stage_variables` are the API's.

    Attributes:
        get, post, put, patch, delete, head, options: The method, with a path.
        headers: Request headers by name.
        query: Fields of the query string.
        body: What is sent.
        source_ip: The caller's address.
    """

    route: str = ""
    claims: dict[str, Any] = {}
    stage: str = ""
    stage_variables: dict[str, str] = {}
    source_ip: str = "192.0.2.1"

    def __post_init__(self) -> None:
        """Refuse a path that is none, and a route that the path does not fit."""
        super().__post_init__()
        if not self.target().startswith("/"):
            raise ValueError("the path of an event begins with /")
        if self.route and _path_parameters(self.route, self.parts().path) is None:
            raise ValueError(f"the path {self.parts().path} does not fit the route {self.route}")

    def parts(self) -> urllib.parse.SplitResult:
        """Give path and query."""
        return urllib.parse.urlsplit(self.target())


class Sqs(Params, frozen=True, kw_only=True):
    """Messages of a queue; a message that is no text becomes JSON. `attributes` go with each.

    Attributes:
        messages: A body for each; what is no text becomes JSON.
        queue: The queue's name.
    """

    messages: Items
    queue: str = "queue"
    attributes: dict[str, str | int | float] = {}


class Sns(Params, frozen=True, kw_only=True):
    """Notifications of a topic; a message that is no text becomes JSON.

    Attributes:
        messages: A message for each; what is no text becomes JSON.
        topic: The topic's name.
        subject: Of every message.
        attributes: Of every message, by name.
    """

    messages: Items
    topic: str = "topic"
    subject: str | None = None
    attributes: dict[str, str] = {}


class S3(Params, frozen=True, kw_only=True):
    """Something happened to an object.

    Attributes:
        bucket: The bucket's name.
        key: The object's key.
        event: What happened, as S3 names it.
        size: The object's size in bytes.
        version_id: The object's version.
    """

    bucket: str
    key: str
    event: str = "ObjectCreated:Put"
    size: int = 1024
    version_id: str | None = None


class EventBridge(Params, frozen=True, kw_only=True):
    """An event of a bus.

    Attributes:
        source: Who sends the event.
        detail_type: What kind of event it is.
        detail: Its content.
        resources: ARNs that it is about.
    """

    source: str
    detail_type: str
    detail: dict[str, Any] = {}
    resources: list[str] = []


class Change(Params, frozen=True, kw_only=True):
    """A change of a row in plain values; INSERT, MODIFY and REMOVE follow from which of `old` and `new` there are.

    Attributes:
        keys: The row's key.
    """

    keys: dict[str, Any]
    new: dict[str, Any] | None = None
    old: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse a change of nothing."""
        if self.new is None and self.old is None:
            raise ValueError("a change has new, old or both")


class DynamoDbStream(Params, frozen=True, kw_only=True):
    """Changes of a table's rows.

    Attributes:
        changes: What happened to rows, one after the other.
        table: The table's name.
    """

    changes: Annotated[list[Change], msgspec.Meta(min_length=1, max_length=100)]
    table: str = "table"


class Kinesis(Params, frozen=True, kw_only=True):
    """Records of a stream; one that is no text becomes JSON.

    Attributes:
        records: A record for each; what is no text becomes JSON.
        stream: The stream's name.
        partition_key: Of every record.
    """

    records: Items
    stream: str = "stream"
    partition_key: str = "greenlight"


class Cognito(Params, frozen=True, kw_only=True):
    """A trigger of a user pool, such as PreSignUp_SignUp; `request` is added to the user's attributes.

    Attributes:
        trigger: Which trigger it is, as Cognito names it.
        user: The user's name.
        attributes: The user's attributes, by name.
        pool: The user pool's id.
        client_id: The app client's id.
    """

    trigger: str
    user: str = "greenlight"
    attributes: dict[str, str] = {}
    request: dict[str, Any] = {}
    pool: str = "pool"
    client_id: str = "client"


class LambdaEvent(Params, frozen=True, kw_only=True):
    """An event, by the service that sends it: exactly one of the keys.

    Attributes:
        api_gateway_v2, api_gateway_v1, alb, function_url: An HTTP request, as API Gateway's HTTP API, its REST API, a
            load balancer or a function URL would send it.
        sqs, sns, s3, eventbridge, dynamodb_stream, kinesis, cognito: An event as this service would send it.
    """

    api_gateway_v2: HttpEvent | None = None
    api_gateway_v1: HttpEvent | None = None
    alb: HttpEvent | None = None
    function_url: HttpEvent | None = None
    sqs: Sqs | None = None
    sns: Sns | None = None
    s3: S3 | None = None
    eventbridge: EventBridge | None = None
    dynamodb_stream: DynamoDbStream | None = None
    kinesis: Kinesis | None = None
    cognito: Cognito | None = None

    def __post_init__(self) -> None:
        """Refuse none or several."""
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(given) != 1:
            known = ", ".join(self.__struct_fields__)
            raise ValueError(f"an event has exactly one of {known}, and this has {', '.join(given) or 'none'}")

    @property
    def kind(self) -> str:
        """The key that is given."""
        return next(name for name in self.__struct_fields__ if getattr(self, name) is not None)

    @property
    def is_http(self) -> bool:
        """Whether the answer is one to an HTTP request."""
        return self.kind in HTTP_KINDS

    @property
    def is_batch(self) -> bool:
        """Whether the answer may name items that failed, which is an error that looks like success."""
        return self.kind in ("sqs", "dynamodb_stream", "kinesis")


HTTP_KINDS = ("api_gateway_v2", "api_gateway_v1", "alb", "function_url")
HttpKind = Literal["api_gateway_v2", "api_gateway_v1", "alb", "function_url"]


class Stamp(Params, frozen=True, kw_only=True):
    """What an event says of its making: region, time (seconds since 1970) and a seed for its ids."""

    region: str = "eu-west-1"
    at: float = 0.0
    seed: str = ""

    def id(self, part: str = "") -> str:
        """Give an id; the same for the same seed and part."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.seed}/{self.at}/{part}"))

    def iso(self) -> str:
        """Give the time as most services write it."""
        moment = datetime.datetime.fromtimestamp(self.at, datetime.UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def clf(self) -> str:
        """Give the time as API Gateway writes it."""
        return datetime.datetime.fromtimestamp(self.at, datetime.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")

    def arn(self, service: str, rest: str) -> str:
        """Give an ARN of a made-up account, unless `rest` is one already."""
        return rest if rest.startswith("arn:") else f"arn:aws:{service}:{self.region}:{ACCOUNT}:{rest}"


def built(event: LambdaEvent, stamp: Stamp) -> dict[str, Any]:
    """Make the event that a function gets."""
    made: dict[str, Any] = _BUILDERS[event.kind](getattr(event, event.kind), stamp)
    return made


def _path_parameters(route: str, path: str) -> dict[str, str] | None:
    names: list[str] = []
    pattern = ""
    end = 0
    for match in _ROUTE_PART.finditer(route):
        names.append(match[1])
        pattern += re.escape(route[end : match.start()]) + ("(.+)" if match[2] else "([^/]+)")
        end = match.end()
    fit = re.fullmatch(pattern + re.escape(route[end:]), path)
    return fit and {name: urllib.parse.unquote(value) for name, value in zip(names, fit.groups(), strict=True)}


def _http_parts(event: HttpEvent) -> tuple[dict[str, str], str | None, bool]:
    """Give headers in lower case, the body as it stands in an event, and whether that is base64."""
    headers, raw = event.sent()
    lower = {name.lower(): value for name, value in headers.items()}
    if raw is None:
        return lower, None, False
    lower.setdefault("content-length", str(len(raw)))
    try:
        return lower, raw.decode(), False
    except UnicodeDecodeError:
        return lower, base64.b64encode(raw).decode(), True


def _api_gateway_v2(event: HttpEvent, stamp: Stamp, url: bool = False) -> dict[str, Any]:
    headers, body, encoded = _http_parts(event)
    parts = event.parts()
    cookies = [each.strip() for each in headers.pop("cookie", "").split(";") if each.strip()]
    domain = f"{'url.lambda-url' if url else 'api.execute-api'}.{stamp.region}.on.aws"
    domain = domain if url else domain.replace("on.aws", "amazonaws.com")
    route = f"{event.method} {event.route}" if event.route and not url else "$default"
    query: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {"host": domain, "user-agent": "greenlight", "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "accountId": "anonymous" if url else ACCOUNT,
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": event.method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": event.source_ip,
                "userAgent": headers.get("user-agent", "greenlight"),
            },
            "requestId": stamp.id("request"),
            "routeKey": route,
            "stage": event.stage or "$default",
            "time": stamp.clf(),
            "timeEpoch": int(stamp.at * 1000),
        },
        "isBase64Encoded": encoded,
    }
    if event.claims:
        made["requestContext"]["authorizer"] = {"jwt": {"claims": event.claims, "scopes": None}}
    parameters = None if url else _path_parameters(event.route, parts.path)
    absent_when_empty = {
        "cookies": cookies,
        "queryStringParameters": query,
        "pathParameters": parameters,
        "stageVariables": event.stage_variables,
        "body": body,
    }
    return made | {name: value for name, value in absent_when_empty.items() if value}


def _function_url(event: HttpEvent, stamp: Stamp) -> dict[str, Any]:
    return _api_gateway_v2(event, stamp, url=True)


def _multi(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _api_gateway_v1(event: HttpEvent, stamp: Stamp) -> dict[str, Any]:
    _, body, encoded = _http_parts(event)
    parts, stage = event.parts(), event.stage or "prod"
    domain = f"api.execute-api.{stamp.region}.amazonaws.com"
    headers = {"Host": domain, "User-Agent": "greenlight", "X-Forwarded-Proto": "https", **event.sent()[0]}
    query = _multi(parts.query)
    resource = event.route or parts.path
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "api",
        "domainName": domain,
        "extendedRequestId": stamp.id("extended"),
        "httpMethod": event.method,
        "identity": {"sourceIp": event.source_ip, "userAgent": "greenlight"},
        "path": f"/{stage}{parts.path}",
        "protocol": "HTTP/1.1",
        "requestId": stamp.id("request"),
        "requestTime": stamp.clf(),
        "requestTimeEpoch": int(stamp.at * 1000),
        "resourcePath": resource,
        "stage": stage,
    }
    if event.claims:
        context["authorizer"] = {"claims": event.claims}
    return {
        "resource": resource,
        "path": parts.path,
        "httpMethod": event.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": _path_parameters(event.route, parts.path) or None,
        "stageVariables": event.stage_variables or None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": encoded,
    }


def _alb(event: HttpEvent, stamp: Stamp) -> dict[str, Any]:
    headers, body, encoded = _http_parts(event)
    parts = event.parts()
    raw = (pair.partition("=") for pair in parts.query.split("&") if pair)  # a load balancer does not decode the query
    group = stamp.arn("elasticloadbalancing", "targetgroup/green/0123456789abcdef")
    host = f"green.{stamp.region}.elb.amazonaws.com"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": event.method,
        "path": parts.path,
        "queryStringParameters": {name: value for name, _, value in raw},
        "headers": {"host": host, "user-agent": "greenlight", "x-forwarded-proto": "https", **headers},
        "body": body or "",
        "isBase64Encoded": encoded,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sqs(event: Sqs, stamp: Stamp) -> dict[str, Any]:
    attributes: dict[str, dict[str, Any]] = {
        name: {
            "stringValue": str(value),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String" if isinstance(value, str) else "Number",
        }
        for name, value in event.attributes.items()
    }
    sent = str(int(stamp.at * 1000))
    return {
        "Records": [
            {
                "messageId": stamp.id(f"message {number}"),
                "receiptHandle": stamp.id(f"receipt {number}"),
                "body": _text(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": sent,
                    "SenderId": ACCOUNT,
                    "ApproximateFirstReceiveTimestamp": sent,
                }
                | (_fifo(stamp, number) if event.queue.endswith(".fifo") else {}),
                "messageAttributes": attributes,
                "md5OfBody": hashlib.md5(_text(body).encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": stamp.arn("sqs", event.queue),
                "awsRegion": stamp.region,
            }
            for number, body in enumerate(event.messages)
        ]
    }


def _fifo(stamp: Stamp, number: int) -> dict[str, str]:
    return {
        "SequenceNumber": f"{number:020d}",
        "MessageGroupId": "greenlight",
        "MessageDeduplicationId": stamp.id(f"deduplication {number}"),
    }


def _sns(event: Sns, stamp: Stamp) -> dict[str, Any]:
    arn = stamp.arn("sns", event.topic)
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn}:{stamp.id('subscription')}",
                "EventSource": "aws:sns",
                "Sns": {
                    "SignatureVersion": "1",
                    "Timestamp": stamp.iso(),
                    "Signature": "greenlight",
                    "SigningCertUrl": "https://greenlight.invalid/certificate",
                    "MessageId": stamp.id(f"message {number}"),
                    "Message": _text(message),
                    "MessageAttributes": {
                        name: {"Type": "String", "Value": value} for name, value in event.attributes.items()
                    },
                    "Type": "Notification",
                    "UnsubscribeUrl": "https://greenlight.invalid/unsubscribe",
                    "TopicArn": arn,
                    "Subject": event.subject,
                },
            }
            for number, message in enumerate(event.messages)
        ]
    }


def _s3(event: S3, stamp: Stamp) -> dict[str, Any]:
    item: dict[str, Any] = {
        "key": urllib.parse.quote_plus(event.key, safe="/"),  # as S3 does: a space is a plus
        "size": event.size,
        "eTag": hashlib.md5(event.key.encode(), usedforsecurity=False).hexdigest(),
        "sequencer": f"{int(stamp.at * 1000):018X}",
    }
    if event.version_id is not None:
        item["versionId"] = event.version_id
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": stamp.region,
                "eventTime": stamp.iso(),
                "eventName": event.event,
                "userIdentity": {"principalId": "AWS:greenlight"},
                "requestParameters": {"sourceIPAddress": "192.0.2.1"},
                "responseElements": {"x-amz-request-id": stamp.id("request")[:16].upper(), "x-amz-id-2": "greenlight"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "greenlight",
                    "bucket": {
                        "name": event.bucket,
                        "ownerIdentity": {"principalId": "greenlight"},
                        "arn": f"arn:aws:s3:::{event.bucket}",
                    },
                    "object": item,
                },
            }
        ]
    }


def _eventbridge(event: EventBridge, stamp: Stamp) -> dict[str, Any]:
    return {
        "version": "0",
        "id": stamp.id("event"),
        "detail-type": event.detail_type,
        "source": event.source,
        "account": ACCOUNT,
        "time": f"{stamp.iso()[:19]}Z",
        "region": stamp.region,
        "resources": event.resources,
        "detail": event.detail,
    }


def marshalled(value: Any) -> dict[str, Any]:
    """Write a plain value the way DynamoDB does."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {name: marshalled(each) for name, each in value.items()}}
    return {"L": [marshalled(each) for each in value]} if isinstance(value, list) else {"S": str(value)}


def unmarshalled(value: dict[str, Any]) -> Any:
    """Read a value the way DynamoDB writes it; numbers become numbers, sets lists, bytes base64."""
    (kind, inner), *_ = value.items()
    if kind == "NULL":
        return None
    if kind == "N":
        return _number(inner)
    if kind == "M":
        return {name: unmarshalled(each) for name, each in inner.items()}
    if kind == "L":
        return [unmarshalled(each) for each in inner]
    if kind == "NS":
        return [_number(each) for each in inner]
    if kind in ("B", "BS"):
        return [_base64(each) for each in inner] if kind == "BS" else _base64(inner)
    return inner


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)


def _base64(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else base64.b64encode(raw).decode()


def _dynamodb_stream(event: DynamoDbStream, stamp: Stamp) -> dict[str, Any]:
    records = []
    for number, change in enumerate(event.changes):
        images = {"NewImage": change.new, "OldImage": change.old}
        record: dict[str, Any] = {
            "ApproximateCreationDateTime": int(stamp.at),
            "Keys": marshalled(change.keys)["M"],
            "SequenceNumber": f"{number + 1:021d}",
            "SizeBytes": len(json.dumps(images)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        record |= {name: marshalled(change.keys | image)["M"] for name, image in images.items() if image is not None}
        records.append(
            {
                "eventID": stamp.id(f"record {number}").replace("-", ""),
                "eventName": "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": stamp.region,
                "dynamodb": record,
                "eventSourceARN": stamp.arn("dynamodb", f"table/{event.table}/stream/2020-01-01T00:00:00.000"),
            }
        )
    return {"Records": records}


def _kinesis(event: Kinesis, stamp: Stamp) -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": event.partition_key,
                    "sequenceNumber": f"{number + 1:056d}",
                    "data": base64.b64encode(_text(data).encode()).decode(),
                    "approximateArrivalTimestamp": stamp.at,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{number + 1:056d}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/greenlight",
                "awsRegion": stamp.region,
                "eventSourceARN": stamp.arn("kinesis", f"stream/{event.stream}"),
            }
            for number, data in enumerate(event.records)
        ]
    }


def _cognito(event: Cognito, stamp: Stamp) -> dict[str, Any]:
    return {
        "version": "1",
        "triggerSource": event.trigger,
        "region": stamp.region,
        "userPoolId": f"{stamp.region}_{event.pool}",
        "userName": event.user,
        "callerContext": {"awsSdkVersion": "greenlight", "clientId": event.client_id},
        "request": {"userAttributes": event.attributes} | event.request,
        "response": {},
    }


_BUILDERS: dict[str, Any] = {
    "api_gateway_v2": _api_gateway_v2,
    "api_gateway_v1": _api_gateway_v1,
    "alb": _alb,
    "function_url": _function_url,
    "sqs": _sqs,
    "sns": _sns,
    "s3": _s3,
    "eventbridge": _eventbridge,
    "dynamodb_stream": _dynamodb_stream,
    "kinesis": _kinesis,
    "cognito": _cognito,
}


def response(kind: str, payload: Any, latency_ms: float = 0.0) -> Response:
    """Read a function's answer the way its caller does.

    Raises:
        ValueError: The caller could not pass it on and would answer 502 (API Gateway for HTTP APIs: 500); says why.
    """
    formed = isinstance(payload, dict) and "statusCode" in payload
    if not formed and kind in ("api_gateway_v2", "function_url") and payload is not MISSING:
        body = payload if isinstance(payload, str) else json.dumps(payload)  # a plain value is a 200 with that value
        return _response(200, [("content-type", "application/json")], body.encode(), latency_ms)
    if not formed:
        raise ValueError("it is no object with a statusCode")
    headers = _headers(payload)
    if kind in ("api_gateway_v2", "function_url") and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return _response(_status(payload["statusCode"]), headers, _body(payload), latency_ms)


def _status(written: Any) -> int:
    text = str(written)
    if isinstance(written, bool) or not re.fullmatch(r"[1-5][0-9]{2}", text):
        raise ValueError(f"its statusCode is {written!r}")
    return int(text)


def _headers(payload: dict[str, Any]) -> list[tuple[str, str]]:
    single, several, cookies = (payload.get(key) for key in ("headers", "multiValueHeaders", "cookies"))
    found: list[tuple[str, str]] = []
    overridden = {name.lower() for name in _mapping("multiValueHeaders", several)}
    for name, value in _mapping("headers", single).items():
        if name.lower() in overridden:
            continue
        if isinstance(value, (dict, list)) or value is None:
            raise ValueError(f"its header {name} is {value!r}, and not a text")
        found.append((name, _plain(value)))
    for name, values in _mapping("multiValueHeaders", several).items():
        if not isinstance(values, list):
            raise ValueError(f"its multiValueHeaders have no list under {name}")
        found += [(name, _plain(value)) for value in values]
    if cookies is not None and not isinstance(cookies, list):
        raise ValueError("its cookies are no list")
    return found + [("set-cookie", str(each)) for each in cookies or []]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"its {key} are no map")
    return value or {}


def _body(payload: dict[str, Any]) -> bytes:
    body = payload.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise ValueError("its body is no text; the function must turn it into JSON itself")
    if payload.get("isBase64Encoded") is not True:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as problem:
        raise ValueError(f"its body says it is base64 and is not: {problem}") from problem


def _response(status: int, headers: list[tuple[str, str]], body: bytes, latency_ms: float) -> Response:
    return Response(
        status=status,
        reason="",
        headers=tuple(headers),
        body=body,
        truncated=False,
        latency_ms=latency_ms,
        url="",
        address="",
    )
