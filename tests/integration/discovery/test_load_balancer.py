"""Routes through a load balancer: rules, host names, TLS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.deployment_accounts import (
    CERTIFICATE,
    ONE,
    TEST,
    TWO,
    EcsAccount,
    forwarding,
    listener,
    rule,
)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("elbv2.describe_listeners", "elasticloadbalancing:DescribeListeners"),
        ("elbv2.describe_rules", "elasticloadbalancing:DescribeRules"),
        ("elbv2.describe_load_balancers", "elasticloadbalancing:DescribeLoadBalancers"),
    ],
)
def test_denied_call_for_the_url_becomes_the_reason(operation: str, action: str) -> None:
    green = EcsAccount(**{operation.replace(".", "__"): "AccessDenied"}).discover().deployment.green
    assert green.url == ""
    assert f"{action} was denied" in green.no_url
    assert green.target_group == TWO


def route_green(*rules: dict[str, Any], at: dict[str, Any] | None = None, **table: Any) -> tuple[Any, EcsAccount]:
    ecs = EcsAccount(
        elbv2__describe_rules={"Rules": list(rules)},
        elbv2__describe_listeners={"Listeners": [at or listener()]},
        **table,
    )
    return ecs.discover().deployment.green, ecs


def test_scalar_form_of_a_target_group_is_supported() -> None:
    assert route_green(rule([{"Type": "forward", "TargetGroupArn": TWO}]))[0].url


@pytest.mark.parametrize("weights", [((TWO, 100), (ONE, 0)), ((ONE, 0), (TWO, 1)), ((TWO, 0),)])
def test_group_with_weight_zero_is_ignored(weights: Any) -> None:
    assert route_green(rule(forwarding(*weights)))[0].url == "http://shop-1.elb.test:8080"


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (forwarding((TWO, 90), (ONE, 10)), "only 90% of its traffic"),
        (forwarding((TWO, 0), (ONE, 100)), "none of its 1 rules forwards to green's target group"),
        (forwarding((ONE, 1)), "none of its 1 rules forwards to green's target group (actions: forward)"),
        (forwarding((TWO, 0), (ONE, 0)), "none of its 1 rules"),
        ([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}], "(actions: redirect)"),
        ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}], "(actions: fixed-response)"),
    ],
)
def test_listener_that_may_route_to_blue_is_not_used(actions: Any, reason: str) -> None:
    green, ecs = route_green(rule(actions))
    assert green.url == ""
    assert reason in green.no_url
    assert sum(ecs.pauses) == 6, "the listener may show a change by CodeDeploy late"


def test_listener_that_changes_late_is_waited_for() -> None:
    turns = [ONE, TWO]

    def rules(parameters: dict[str, Any]) -> dict[str, Any]:
        group = turns.pop(0) if parameters["ListenerArn"] == TEST and len(turns) > 1 else TWO
        return {"Rules": [rule(forwarding((group, 1)))]}

    ecs = EcsAccount(elbv2__describe_rules=rules)
    assert ecs.discover().deployment.green.url
    assert ecs.pauses == [1.0]


def hosts(*values: str, **more: Any) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values), **more}}


def test_conditions_of_the_rule_become_host_paths_and_headers() -> None:
    paths = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*", "/cart"]}}
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Tenant", "Values": ["smoke-*"]}}
    green, _ = route_green(
        rule(forwarding((ONE, 1))),
        rule(forwarding((TWO, 1)), hosts("*.wild.test", "shop.test"), paths, header, priority="5"),
    )
    assert (green.host, green.path_patterns, green.headers) == (
        "shop.test",
        ("/shop/*", "/cart"),
        {"X-Tenant": "smoke-greenlight"},
    )


def test_wildcard_host_is_replaced_by_a_matching_one() -> None:
    assert route_green(rule(forwarding((TWO, 1)), hosts("*.shop.t?st"), priority="1"))[0].host == "greenlight.shop.txst"


def test_old_form_of_a_condition_is_supported() -> None:
    assert (
        route_green(rule(forwarding((TWO, 1)), {"Field": "host-header", "Values": ["old.test"]}, priority="1"))[0].host
        == "old.test"
    )


def test_rule_with_the_highest_priority_wins_before_the_default() -> None:
    green, _ = route_green(
        rule(forwarding((TWO, 1))),
        rule(forwarding((TWO, 1)), hosts("ten.test"), priority="10"),
        rule(forwarding((TWO, 1)), hosts("nine.test"), priority="9"),
    )
    assert green.host == "nine.test"


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "green", "Value": "1"}]}}, "query-string"),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "source-ip"),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}, "http-request-method"),
        ({"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^shop.*"]}}, "host-header"),
    ],
)
def test_rule_with_unsupported_conditions_is_not_used(condition: Any, field: str) -> None:
    hard = rule(forwarding((TWO, 1)), condition, priority="1")
    green, _ = route_green(hard, rule(forwarding((ONE, 1))))
    assert green.url == ""
    assert f"its rule requires {field}, which a check cannot be certain to satisfy" in green.no_url
    assert route_green(hard, rule(forwarding((TWO, 1)), hosts("easy.test"), priority="2"))[0].host == "easy.test"


def paths(*values: str, **more: Any) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values), **more}}


FIXED = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
LOGIN = [{"Type": "authenticate-oidc"}, *forwarding((TWO, 1))]


@pytest.mark.parametrize(
    ("shadow", "own"),
    [
        (rule(forwarding((ONE, 1)), paths("/*"), priority="1"), rule(forwarding((TWO, 1)), hosts("shop.test"))),
        (rule(FIXED, hosts("*.test"), priority="1"), rule(forwarding((TWO, 1)), hosts("shop.test"), priority="10")),
        (rule(FIXED, priority="1"), rule(forwarding((TWO, 1)))),
    ],
)
def test_rule_that_takes_everything_leaves_green_without_a_url(shadow: Any, own: Any) -> None:
    green, _ = route_green(own, shadow)
    assert green.url == ""
    assert "does not route to green: rule 1 (" in green.no_url
    assert green.no_url.endswith("takes every request before green's rule")


def test_rule_that_is_reached_is_used_instead_of_one_that_never_is() -> None:
    green, _ = route_green(
        rule(FIXED, hosts("shop.test"), priority="1"),
        rule(forwarding((TWO, 1)), hosts("shop.test"), priority="2"),
        rule(forwarding((TWO, 1)), hosts("other.test"), priority="3"),
    )
    assert (green.url, green.host) == ("http://shop-1.elb.test:8080", "other.test")


@pytest.mark.parametrize("actions", [FIXED, LOGIN, forwarding((ONE, 1)), forwarding((TWO, 99), (ONE, 1))])
def test_rule_above_that_leads_elsewhere_is_kept_with_its_conditions(actions: Any) -> None:
    method = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}
    query = {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1"}, {"Value": "x"}]}}
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["a"]}}
    regex = paths("/x", RegexValues=["^/y"])
    green, _ = route_green(
        rule(forwarding((TWO, 1))),
        rule(actions, paths("/api/*"), method, query, header, regex, priority="5"),
        rule(forwarding((TWO, 1)), hosts("own.test"), priority="10"),
        rule(actions, paths("/later"), priority="11"),
    )
    assert green.host == "own.test"
    (above,) = green.rules_above
    fields = [(c.field, c.name, c.values, c.pairs) for c in above.conditions]
    assert above.priority == "5"
    assert fields == [
        ("path-pattern", "", ("/api/*",), ()),
        ("http-request-method", "", ("GET",), ()),
        ("query-string", "", (), (("v", "1"), ("", "x"))),
        ("http-header", "X-A", ("a",), ()),
        ("path-pattern", "", (), ()),
    ]


def test_rule_above_that_leads_to_green_takes_nothing_away() -> None:
    query = {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "green", "Value": "1"}]}}
    green, _ = route_green(rule(forwarding((TWO, 1)), query, priority="1"), rule(forwarding((TWO, 1))))
    assert (green.url, green.rules_above) == ("http://shop-1.elb.test:8080", ())


def test_rules_are_read_to_the_last_page() -> None:
    first = [rule(forwarding((ONE, 1)), hosts(f"h{n}.test"), priority=str(n)) for n in range(1, 101)]

    def rules(parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters.get("Marker") == "more":
            return {"Rules": [rule(forwarding((TWO, 1)), hosts("last.test"), priority="101")]}
        return {"Rules": first, "NextMarker": "more"}

    assert EcsAccount(elbv2__describe_rules=rules).discover().deployment.green.host == "last.test"


def route_green_by_https(**table: Any) -> tuple[Any, EcsAccount]:
    secure = listener(port=8443, protocol="HTTPS", Certificates=[{"CertificateArn": CERTIFICATE}])
    return route_green(table.pop("rule", rule(forwarding((TWO, 1)))), at=secure, **table)


def certificate(*names: str) -> dict[str, Any]:
    return {"Certificate": {"DomainName": names[0], "SubjectAlternativeNames": list(names)}}


def test_host_of_a_tls_listener_comes_from_tag_rule_or_certificate() -> None:
    tagged = {"Tags": [{"Key": "greenlight:host", "Value": "tagged.test"}]}
    ruled = rule(forwarding((TWO, 1)), hosts("ruled.test"), priority="1")
    described = certificate("*.certified.test", "certified.test")
    for options, host in (
        ({"codedeploy__list_tags_for_resource": tagged, "rule": ruled}, "tagged.test"),
        ({"rule": ruled}, "ruled.test"),
        ({"acm__describe_certificate": described}, "certified.test"),
        ({"acm__describe_certificate": certificate("*.only.test")}, "greenlight.only.test"),
        ({"acm__describe_certificate": "AccessDeniedException"}, ""),
    ):
        green, _ = route_green_by_https(**options)
        assert (green.url, green.host) == ("https://shop-1.elb.test:8443", host)


def test_certificate_outside_acm_is_not_read() -> None:
    secure = listener(
        protocol="HTTPS", Certificates=[{"CertificateArn": "arn:aws:iam::111122223333:server-certificate/x"}]
    )
    assert route_green(rule(forwarding((TWO, 1))), at=secure)[0].host == ""


@pytest.mark.parametrize(
    ("protocol", "port", "url"),
    [
        ("TCP", 80, "http://shop-1.elb.test:80"),
        ("TCP", 443, "https://shop-1.elb.test:443"),
        ("TLS", 9000, "https://shop-1.elb.test:9000"),
    ],
)
def test_rules_of_a_network_load_balancer_are_not_read(protocol: str, port: int, url: str) -> None:
    green, ecs = route_green(at=listener(port=port, protocol=protocol, DefaultActions=forwarding((TWO, 1))))
    assert green.url == url
    assert "elbv2.describe_rules" not in ecs.account.names()


def test_network_load_balancer_that_routes_to_blue_is_not_used() -> None:
    green, _ = route_green(at=listener(protocol="TCP", DefaultActions=forwarding((ONE, 1))))
    assert "does not send all its traffic to green" in green.no_url


def test_deleted_listener_is_reported() -> None:
    green = EcsAccount(elbv2__describe_listeners={"Listeners": []}).discover().deployment.green
    assert "does not exist" in green.no_url
