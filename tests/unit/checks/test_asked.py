"""The engine records whom a check asked; a redirect counts where it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from greenlight.api import Context, Finding, failed, passed
from greenlight.checks.asked import ExchangeRecorder
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.errors import HttpError
from greenlight.core.finding import Asked, Outcome
from greenlight.plan.repeat import Repeat
from greenlight.testing import HttpServer, context_for, ecs_deployment, green_server, tcp_server
from tests.support.check_run import SECRET, Run, check, retried

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/green/0123456789abcdef"
TASK_DEFINITION = "arn:aws:ecs:eu-central-1:111122223333:task-definition/shop:42"
ECS = Deployment(
    id="d-1",
    platform=Platform.ECS,
    stage="AfterAllowTestTraffic",
    cluster="shop",
    service="web",
    blue=Side(task_set="ecs-svc/1", target_group=TARGET_GROUP.replace("green", "blue"), task_definition="shop:41"),
    green=Side(task_set="ecs-svc/12", target_group=TARGET_GROUP, task_definition=TASK_DEFINITION),
)
LAMBDA = Deployment(
    id="d-1",
    platform=Platform.LAMBDA,
    stage="BeforeAllowTraffic",
    function="orders",
    alias="live",
    blue=Side(version="7"),
    green=Side(version="8"),
)


def answering(status: int = 200, **headers: str) -> Callable[..., tuple[int, dict[str, str], Any]]:
    return lambda *_: (status, headers, {"status": "ok"})


def answering_raw(data: bytes) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    return handle


def green_at(url: str, **facts: Any) -> Deployment:
    return ecs_deployment(green=Side(url=url, **facts))


def asked_by(context: Context, run: Callable[[Context], object]) -> Asked:
    """Return whom a check of `run` asked."""

    def call(attempt: Context) -> Finding:
        run(attempt)
        return passed("done")

    recorder = ExchangeRecorder(context.deployment)
    attempt = context.resources.context(3.0, context.resources.redactor, recorder)  # type: ignore[attr-defined]
    call(attempt)
    return recorder.asked()


# ---- HTTP and connections


def test_response_of_blue_or_another_host_is_not_greens() -> None:
    with (
        HttpServer(answering()) as other,
        green_server(answering(), blue=answering(), allowed_hosts=("127.0.0.1",)) as context,
    ):
        blue = context.blue.url

        assert asked_by(context, lambda attempt: attempt.request("GET", f"{blue}/health")) == Asked(blue=1)
        assert asked_by(context, lambda attempt: attempt.request("GET", "/health", side="blue")) == Asked(blue=1)
        assert asked_by(context, lambda attempt: attempt.request("GET", f"{other.url}/health")) == Asked(other=1)


def test_redirect_counts_where_it_ended() -> None:
    with HttpServer(answering()) as blue:
        redirects = answering(302, location=f"{blue.url}/health")
        with green_server(redirects, allowed_hosts=("127.0.0.1",)) as context:
            unknown = asked_by(context, lambda attempt: attempt.request("GET", "/health", redirects=3))
            unfollowed = asked_by(context, lambda attempt: attempt.request("GET", "/health"))
            known = replace(context.deployment, blue=replace(context.blue, url=blue.url))
            with context_for(known) as of_both:
                followed = asked_by(of_both, lambda attempt: attempt.request("GET", "/health", redirects=3))
                session = asked_by(of_both, lambda attempt: attempt.session().get("/x", allow_redirects=True))

    assert (unknown, unfollowed) == (Asked(other=1), Asked(green=1))
    assert (followed, session) == (Asked(blue=1), Asked(blue=1))


def test_redirect_within_green_is_greens() -> None:
    def slash(_method: str, path: str, _body: bytes) -> tuple[int, dict[str, str], Any]:
        return (301, {"location": "/health/"}, "") if path == "/health" else (200, {}, "ok")

    with green_server(slash) as context:
        assert asked_by(context, lambda attempt: attempt.request("GET", "/health", redirects=1)) == Asked(green=1)


def test_redirect_that_leaves_greens_rule_is_not_greens() -> None:
    with green_server(answering(302, location="/login")) as context:
        ruled = replace(context.deployment, green=replace(context.green, path_patterns=("/shop/*",)))
        with context_for(ruled) as behind_rule:
            assert asked_by(behind_rule, lambda attempt: attempt.request("GET", "/shop/x")) == Asked(green=1)
            left = asked_by(behind_rule, lambda attempt: attempt.request("GET", "/shop/x", redirects=1))
            assert left == Asked(other=1)


@pytest.mark.parametrize(
    ("headers", "side", "expected"),
    [
        ({}, "green", Asked(green=1)),
        ({"X-Release": "green"}, "green", Asked(green=1)),
        ({"x-release": "blue"}, "green", Asked(blue=1)),
        ({}, "blue", Asked(blue=1)),
    ],
    ids=["by path", "the rule's header", "another header", "asks blue"],
)
def test_the_rule_decides_on_a_listener_that_both_sides_share(headers: Any, side: Any, expected: Asked) -> None:
    with green_server(answering()) as context:
        green = replace(context.green, headers={"x-release": "green"})
        shared = replace(context.deployment, green=green, blue=replace(context.blue, url=context.green.url))
        with context_for(shared) as sharing:
            asked = asked_by(sharing, lambda attempt: attempt.request("GET", "/", headers=headers, side=side))
            connected = asked_by(sharing, lambda attempt: attempt.connect().close())

    assert asked == expected
    assert connected == Asked(blue=1), "no rule chose green"


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (503, {}, "", Asked(balancer=1)),
        (502, {"x-release": "8"}, {"status": "down"}, Asked(balancer=1)),
        (403, {"X-Server": "awselb/2.0"}, "no", Asked(green=1)),
        (404, {}, "<html><head><title>404 Not Found</title></head><body>nginx</body></html>", Asked(green=1)),
        (
            403,
            {},
            "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>"
            "\r\n</body>\r\n</html>\r\n",
            Asked(balancer=1),
        ),
        (500, {}, {"status": "broken"}, Asked(green=1)),
    ],
    ids=["503", "502 with headers", "other header", "other page", "its page", "500"],
)
def test_response_that_the_load_balancer_may_have_made_is_not_greens(
    status: int, headers: dict[str, str], body: Any, expected: Asked
) -> None:
    with green_server(lambda *_: (status, headers, body)) as context:
        assert asked_by(context, lambda attempt: attempt.request("GET", "/")) == expected


@pytest.mark.parametrize("status", [200, 301, 403])
def test_response_with_the_load_balancers_name_is_not_greens(status: int) -> None:
    head = f"HTTP/1.1 {status} X\r\nServer: awselb/2.0\r\nLocation: https://shop.example/\r\nContent-Length: 0\r\n\r\n"
    with tcp_server(answering_raw(head.encode())) as url, context_for(green_at(url)) as context:
        assert asked_by(context, lambda attempt: attempt.request("GET", "/")) == Asked(balancer=1)


def test_unanswered_request_and_refused_connection_do_not_count() -> None:
    def try_both(attempt: Context) -> None:
        for call in (lambda: attempt.request("GET", "/"), attempt.connect):
            with pytest.raises(HttpError):
                call()

    dead = replace(ecs_deployment(), green=Side(url="http://127.0.0.1:9"))
    with context_for(dead) as context:
        assert asked_by(context, try_both) == Asked()


def test_connection_counts_for_the_host_it_was_made_to() -> None:
    with HttpServer(answering()) as other, green_server(answering(), blue=answering()) as context:
        port, blue_port = (int(url.rpartition(":")[2]) for url in (other.url, context.blue.url))

        assert asked_by(context, lambda attempt: attempt.connect().close()) == Asked(balancer=1)
        assert asked_by(context, lambda attempt: attempt.connect("127.0.0.1", blue_port).close()) == Asked(blue=1)
        assert asked_by(context, lambda attempt: attempt.connect("127.0.0.1", port).close()) == Asked(other=1)


@pytest.mark.parametrize("protocol", ["HTTP", "HTTPS", "TLS", "UDP", ""])
def test_connection_that_the_load_balancer_accepts_is_not_greens(protocol: str) -> None:
    with HttpServer(answering()) as server, context_for(green_at(server.url, protocol=protocol)) as context:
        assert asked_by(context, lambda attempt: attempt.connect().close()) == Asked(balancer=1)


@pytest.mark.parametrize("protocol", ["TCP", "TCP_UDP"])
def test_connection_that_the_listener_passes_on_is_greens(protocol: str) -> None:
    with HttpServer(answering()) as server, context_for(green_at(server.url, protocol=protocol)) as context:
        assert asked_by(context, lambda attempt: attempt.connect().close()) == Asked(green=1)


@pytest.mark.parametrize("read", ["recv", "recv_into", "makefile"])
def test_connection_counts_as_greens_when_green_sends_data_of_its_own_protocol(read: str) -> None:
    def use(attempt: Context) -> None:
        with attempt.connect() as connection:
            connection.sendall(b"x")
            if read == "recv":
                assert connection.recv(10) == b"+PONG"
            elif read == "recv_into":
                assert connection.recv_into(bytearray(10)) == 5
            else:
                assert connection.makefile("rb").read(5) == b"+PONG"

    with tcp_server(answering_raw(b"+PONG")) as url, context_for(green_at(url)) as context:
        assert asked_by(context, use) == Asked(green=1)


def test_data_of_another_host_is_not_greens() -> None:
    def use(attempt: Context, port: int) -> None:
        with attempt.connect("127.0.0.1", port) as connection:
            connection.sendall(b"x")
            connection.recv(10)

    with tcp_server(answering_raw(b"+PONG")) as url, green_server(answering()) as context:
        port = int(url.rpartition(":")[2])
        assert asked_by(context, lambda attempt: use(attempt, port)) == Asked(other=1)


def test_exchanges_of_a_reserved_context_count() -> None:
    with green_server(answering()) as context:
        assert asked_by(context, lambda attempt: attempt.reserve(1.0).request("GET", "/")) == Asked(green=1)


# ---- AWS


def counted(deployment: Deployment, *calls: tuple[str, str, dict[str, Any], dict[str, Any]]) -> Asked:
    recorder = ExchangeRecorder(deployment)
    for call in calls:
        recorder.count_call(*call)
    return recorder.asked()


@pytest.mark.parametrize(
    ("parameters", "response", "expected"),
    [
        ({"Qualifier": "8"}, {"ExecutedVersion": "8"}, "green"),
        ({"Qualifier": "live"}, {"ExecutedVersion": "8"}, "green"),
        ({"Qualifier": "live"}, {"ExecutedVersion": "7"}, "blue"),
        ({"Qualifier": "7"}, {"ExecutedVersion": "7"}, "blue"),
        ({"Qualifier": "8"}, {"ExecutedVersion": "7"}, "other"),
        ({"Qualifier": "8"}, {}, "aws"),
        ({"Qualifier": "8", "InvocationType": "DryRun"}, {"ExecutedVersion": "8"}, "aws"),
        ({"Qualifier": "8", "InvocationType": "Event"}, {"ExecutedVersion": "8"}, "aws"),
        ({"FunctionName": "payments", "Qualifier": "8"}, {"ExecutedVersion": "8"}, "aws"),
        ({"FunctionName": "arn:aws:lambda:x:1:function:orders:8"}, {"ExecutedVersion": "8"}, "green"),
        ({"FunctionName": "arn:aws:lambda:x:1:function:payments:8"}, {"ExecutedVersion": "8"}, "aws"),
    ],
)
def test_invocation_counts_for_the_version_that_ran(parameters: Any, response: Any, expected: str) -> None:
    call = ("lambda", "invoke", {"FunctionName": "orders", **parameters}, response)
    assert counted(LAMBDA, call) == Asked(**{expected: 1})


TRACES = {"TraceSummaries": [{"ResponseTime": 0.1}]}


def metric_query(*metrics: dict[str, Any]) -> dict[str, Any]:
    return {"MetricDataQueries": [{"Id": f"q{number}", "MetricStat": metric} for number, metric in enumerate(metrics)]}


def metric_data(*values: float) -> dict[str, Any]:
    """Return the response to the first query."""
    return {"MetricDataResults": [{"Id": "q0", "Values": list(values)}]}


TASKS = {"tasks": [{"startedBy": "ecs-svc/12", "taskArn": "arn:aws:ecs:x:1:task/shop/abc123"}]}
SERVICES = {"services": [{"taskSets": [{"id": "ecs-svc/1"}, {"id": "ecs-svc/12"}]}]}


@pytest.mark.parametrize(
    ("deployment", "service", "operation", "parameters", "response", "expected"),
    [
        (ECS, "elbv2", "describe_target_health", {"TargetGroupArn": TARGET_GROUP}, {}, "green_resource"),
        (ECS, "elbv2", "describe_target_health", {"TargetGroupArn": ECS.blue.target_group}, {}, "aws"),
        (ECS, "elbv2", "describe_rules", {"ListenerArn": "x"}, {}, "aws"),
        (ECS, "ecs", "describe_services", {}, SERVICES, "green_resource"),
        (ECS, "ecs", "describe_services", {}, {"services": [{"taskSets": [{"id": "ecs-svc/1"}]}]}, "aws"),
        (ECS, "ecs", "describe_task_sets", {}, {"taskSets": [{"taskSetArn": "ecs-svc/12"}]}, "green_resource"),
        (ECS, "ecs", "describe_tasks", {}, TASKS, "green_resource"),
        (ECS, "ecs", "describe_tasks", {}, {"tasks": [{"startedBy": "ecs-svc/1"}]}, "aws"),
        (ECS, "ecs", "describe_task_definition", {"taskDefinition": TASK_DEFINITION}, {}, "green_resource"),
        (ECS, "ecs", "describe_task_definition", {"taskDefinition": "shop:41"}, {}, "aws"),
        (Deployment(id="d", platform=Platform.ECS, stage=""), "ecs", "describe_services", {}, SERVICES, "aws"),
        (
            LAMBDA,
            "lambda",
            "get_function_configuration",
            {"FunctionName": "orders", "Qualifier": "8"},
            {},
            "green_resource",
        ),
        (LAMBDA, "lambda", "get_function_configuration", {"FunctionName": "orders", "Qualifier": "7"}, {}, "aws"),
        (LAMBDA, "lambda", "get_alias", {"FunctionName": "orders", "Name": "live"}, {}, "aws"),
        (LAMBDA, "cloudwatch", "describe_alarms", {"AlarmNamePrefix": "orders"}, {}, "aws"),
        (
            LAMBDA,
            "cloudwatch",
            "get_metric_data",
            metric_query({"Dimensions": [{"Name": "ExecutedVersion", "Value": "8"}]}),
            metric_data(1.0),
            "green_metrics",
        ),
        (
            LAMBDA,
            "cloudwatch",
            "get_metric_data",
            metric_query({"Dimensions": [{"Name": "ExecutedVersion", "Value": "7"}]}),
            metric_data(1.0),
            "aws",
        ),
        (
            LAMBDA,
            "cloudwatch",
            "get_metric_data",
            metric_query({"Dimensions": [{"Name": "Shard", "Value": "8"}]}),
            metric_data(1.0),
            "aws",
        ),
        (LAMBDA, "xray", "get_trace_summaries", {"FilterExpression": 'resource = "orders:8"'}, TRACES, "green_metrics"),
        (LAMBDA, "xray", "get_trace_summaries", {"FilterExpression": 'resource = "orders:8"'}, {}, "aws"),
        (LAMBDA, "xray", "get_trace_summaries", {"FilterExpression": 'resource = "orders:81"'}, TRACES, "aws"),
        (
            LAMBDA,
            "logs",
            "filter_log_events",
            {},
            {"events": [{"logStreamName": "2026/01/01/[8]ff"}]},
            "green_metrics",
        ),
        (LAMBDA, "logs", "filter_log_events", {}, {"events": [{"logStreamName": "2026/01/01/[7]ff"}]}, "aws"),
        (
            ECS,
            "cloudwatch",
            "get_metric_data",
            metric_query({"Value": "targetgroup/green/0123456789abcdef"}),
            metric_data(0.0),
            "green_metrics",
        ),
        (
            ECS,
            "cloudwatch",
            "get_metric_data",
            metric_query({"Value": "targetgroup/blue/0123456789abcdef"}),
            metric_data(1.0),
            "aws",
        ),
        (ECS, "cloudwatch", "get_metric_data", metric_query({"Value": "ecs-svc/123"}), metric_data(1.0), "aws"),
        (ECS, "cloudwatch", "get_metric_data", metric_query({"Value": "ecs-svc/12"}), metric_data(), "aws"),
        (ECS, "cloudwatch", "get_metric_data", metric_query({"Value": "ecs-svc/12"}), {}, "aws"),
        (
            ECS,
            "cloudwatch",
            "get_metric_data",
            metric_query({"Value": "ecs-svc/1"}, {"Value": "ecs-svc/12"}),
            metric_data(1.0),
            "aws",
        ),
        (ECS, "cloudwatch", "get_metric_statistics", {"Value": "ecs-svc/12"}, {"Datapoints": [{}]}, "green_metrics"),
        (ECS, "cloudwatch", "get_metric_statistics", {"Value": "ecs-svc/12"}, {"Datapoints": []}, "aws"),
        (LAMBDA, "cloudwatch", "describe_alarms", {"AlarmNames": ["orders:8"]}, {"MetricAlarms": [{}]}, "aws"),
        (LAMBDA, "logs", "start_query", {"queryString": "orders:8"}, {"queryId": "q"}, "aws"),
        (LAMBDA, "logs", "get_log_events", {"logStreamName": "[8]ff"}, {"events": [{}]}, "green_metrics"),
        (LAMBDA, "logs", "get_log_events", {"logStreamName": "[8]ff"}, {"events": []}, "aws"),
    ],
)
def test_call_counts_as_greens_only_if_it_names_what_is_greens_alone(
    deployment: Deployment, service: str, operation: str, parameters: Any, response: Any, expected: str
) -> None:
    assert counted(deployment, (service, operation, parameters, response)) == Asked(**{expected: 1})


def test_image_counts_as_greens_after_greens_task_definition_named_it() -> None:
    image = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web:42"
    definition = {"taskDefinition": {"containerDefinitions": [{"image": image}]}}
    read = ("ecs", "describe_task_definition", {"taskDefinition": TASK_DEFINITION}, definition)
    described = ("ecr", "describe_images", {"repositoryName": "shop/web"}, {})

    assert counted(ECS, described) == Asked(aws=1)
    assert counted(ECS, read, described) == Asked(green_resource=2)
    assert counted(ECS, read, ("ecr", "describe_images", {"repositoryName": "web"}, {})).green_resource == 1


def test_logs_of_a_task_count_as_greens_after_it_was_read() -> None:
    events = {"events": [{"logStreamName": "web/web/abc123"}]}
    log = ("logs", "filter_log_events", {"logGroupName": "/shop"}, events)

    assert counted(ECS, log) == Asked(aws=1)
    assert counted(ECS, ("ecs", "describe_tasks", {}, TASKS), log) == Asked(green_resource=1, green_metrics=1)


# ---- The finding


def test_validator_cannot_say_whom_it_asked() -> None:
    (finding,) = Run(check("c", lambda _: replace(passed("fine"), asked=Asked(green=9)))).findings
    assert finding.asked == Asked()


def test_finding_has_what_the_deciding_attempt_asked() -> None:
    numbers = iter((1, 2, 3))

    def failing_first(context: Context) -> Finding:
        number = next(numbers)
        for _ in range(number):
            context._recorder.observe_connection("127.0.0.1", 1).open()
        return passed("fine") if number == 3 else failed("not yet")

    (finding,) = Run(check("c", failing_first, retry=retried(3))).findings
    assert (finding.attempts, finding.asked) == (3, Asked(other=3))


def test_repeated_check_has_the_sum_of_the_measurements_with_its_outcome() -> None:
    outcomes = iter((True, False, True))

    def measuring(context: Context) -> Finding:
        context._recorder.observe_connection("127.0.0.1", 1).open()
        return passed("fine") if next(outcomes) else failed("once")

    bound = check("c", measuring)
    bound.check = replace(bound.check, repeat=Repeat(count=3, interval=0, failure_limit=1))  # type: ignore[arg-type]
    (finding,) = Run(bound).findings
    assert (finding.outcome, finding.asked) == (Outcome.PASS, Asked(other=2))


def test_finding_says_who_answered_in_place_of_green_after_a_redirect() -> None:
    def asking(attempt: Context) -> Finding:
        for _ in range(2):
            attempt.request("GET", "/login", redirects=1)
        return passed("fine")

    with HttpServer(answering()) as other:
        redirects = answering(302, location=f"{other.url}/login?state={SECRET}#top")
        with green_server(redirects, allowed_hosts=("127.0.0.1",)) as context:
            (finding,) = Run(check("c", asking), context=context).findings

    assert finding.message == f"fine; after a redirect the answer came from {other.url}/login, not from green"
    assert (finding.outcome, finding.asked) == (Outcome.PASS, Asked(other=2))


def test_long_message_keeps_who_answered_in_place_of_green() -> None:
    def asking(attempt: Context) -> Finding:
        for number in range(5):
            attempt.request("GET", f"/{number}", redirects=1)
        return passed("long " * 1000)

    with HttpServer(answering()) as other:
        numbers = iter(range(5))

        def redirecting(*_: Any) -> tuple[int, dict[str, str], Any]:
            return 302, {"location": f"{other.url}/{next(numbers)}/{'x' * 500}"}, ""

        with green_server(redirecting, allowed_hosts=("127.0.0.1",)) as context:
            (finding,) = Run(check("c", asking), context=context).findings

    assert len(finding.message) <= 1000
    assert finding.message.endswith(" and 2 more, not from green")


def test_request_to_another_host_that_is_redirected_is_described_by_the_plan() -> None:
    with (
        HttpServer(answering()) as second,
        HttpServer(answering(302, location=f"{second.url}/")) as first,
        green_server(answering(), allowed_hosts=("127.0.0.1",)) as context,
    ):

        def asking(attempt: Context) -> Finding:
            attempt.request("GET", f"{first.url}/", redirects=1)
            return passed("fine")

        (finding,) = Run(check("c", asking), context=context).findings

    assert finding.message == "fine"


def test_abandoned_check_counts_no_exchange() -> None:
    def hanging(context: Context) -> Finding:
        context._recorder.observe_connection("127.0.0.1", 1).open()
        context.clock.sleep(1.0)
        return passed("late")

    (finding,) = Run(check("c", hanging, timeout_s=0.1)).findings
    assert (finding.outcome, finding.asked) == (Outcome.ERROR, Asked())
