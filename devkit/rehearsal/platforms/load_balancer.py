"""Load balancer of an ECS service: its state in moto, and the caddy that routes the requests."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any

from .. import routing
from ..aws import elbv2
from ..caddy import LISTENERS, Caddy, Certificate
from ..users import Browser, TrafficGate

if TYPE_CHECKING:
    from pathlib import Path

    from ..aws.server import LocalAws
    from ..scenario import Scenario

_TARGET = "127.0.0.1"


class LoadBalancer:
    """Load balancer, listeners and target groups of one scenario.

    Attributes:
        groups: ARNs of the two target groups.
    """

    def __init__(self, aws: LocalAws, scenario: Scenario, work: Path) -> None:
        """Store the settings; `build` creates the resources."""
        self._file = scenario.file
        self._resource = scenario.resource
        self._listener = scenario.file.listener
        self._work = work
        self._elb = aws.client("elbv2")
        self._aws = aws
        self._with_test = self._listener.test
        self._listeners: dict[str, str] = {}
        self._rules: dict[str, str] = {}
        self._gate = TrafficGate()
        self.groups: list[str] = []
        self.ca_file = ""
        self.host = ""
        self.caddy: Caddy

    def build(self) -> None:
        """Create all resources, with listeners that do not route requests yet.

        Raises:
            LoadBalancerError: caddy does not start.
        """
        certificate = self._issue_certificate() if self._listener.https else None
        names = LISTENERS if self._listener.test else LISTENERS[:1]
        self.caddy = Caddy(self._work, names, certificate)
        ec2 = self._aws.client("ec2")
        subnets = ec2.describe_subnets()["Subnets"][:2]
        name = self._resource
        balancer = self._elb.create_load_balancer(
            Name=name,
            Type="network" if self._listener.nlb else "application",
            Subnets=[subnet["SubnetId"] for subnet in subnets],
        )["LoadBalancers"][0]["LoadBalancerArn"]
        elbv2.backend().load_balancers[balancer].dns_name = self.caddy.host
        self.groups = [self._create_group(f"{name}-{number}", subnets[0]["VpcId"]) for number in (1, 2)]
        arn = self._import_certificate(certificate) if certificate else ""
        for listener, port in self.caddy.ports.items():
            self._create_listener(balancer, listener, port, arn)

    def close(self) -> None:
        """Stop caddy."""
        if hasattr(self, "caddy"):
            self.caddy.stop()

    def use_test_listener(self, enabled: bool) -> None:
        """Include the test listener in the deployment group, or omit it."""
        self._with_test = enabled and "test" in self._listeners

    def pair(self) -> dict[str, Any]:
        """Return target groups and traffic routes in the form of a deployment group."""
        pair: dict[str, Any] = {
            "targetGroups": [{"name": arn.split("/")[1]} for arn in self.groups],
            "prodTrafficRoute": {"listenerArns": [self._listeners["production"]]},
        }
        if self._with_test:
            pair["testTrafficRoute"] = {"listenerArns": [self._listeners["test"]]}
        return pair

    def send(self, listener: str, weights: dict[int, int]) -> None:
        """Set the weights of the two groups on a listener, if there is such a listener."""
        if listener not in self._listeners:
            return
        if self._listener.nlb:
            actions: list[dict[str, Any]] = [
                {"Type": "forward", "TargetGroupArn": self.groups[max(weights, key=lambda i: weights[i])]}
            ]
        else:
            shares = [{"TargetGroupArn": self.groups[index], "Weight": weights[index]} for index in sorted(weights)]
            actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}]
        if rule := self._rules.get(listener):
            self._elb.modify_rule(RuleArn=rule, Actions=actions)
        else:
            self._elb.modify_listener(ListenerArn=self._listeners[listener], DefaultActions=actions)

    def register(self, index: int, port: int) -> None:
        """Register a process in a group."""
        self._elb.register_targets(TargetGroupArn=self.groups[index], Targets=[{"Id": _TARGET, "Port": port}])

    def deregister(self, index: int, port: int) -> None:
        """Remove a process from a group."""
        self._elb.deregister_targets(TargetGroupArn=self.groups[index], Targets=[{"Id": _TARGET, "Port": port}])

    def apply(self) -> None:
        """Route traffic by the current listeners and rules of moto."""
        routes = {
            name: routing.to_caddy_routes(self._rules_of(arn), elbv2.targets_of)
            for name, arn in self._listeners.items()
        }
        with self._gate.closed():
            self.caddy.apply(routes)

    def weight(self, group_arn: str) -> int:
        """Return the largest weight of a group over all listeners."""
        actions = [
            action for arn in self._listeners.values() for rule in self._rules_of(arn) for action in rule["Actions"]
        ]
        return max((routing.read_weights(action).get(group_arn, 0) for action in actions), default=0)

    def browser(self) -> Browser:
        """Return a browser whose requests satisfy the rule's conditions."""
        users, conditions = self._file.users, self._listener.conditions
        headers = {
            name: _example(value if isinstance(value, str) else value[0], "")
            for name, value in conditions.headers.items()
        }
        path = users.path
        if conditions.paths and not any(_matches(pattern, path.partition("?")[0]) for pattern in conditions.paths):
            path = _example(conditions.paths[0], "")
        host = _example(conditions.hosts[0], "www") if conditions.hosts else self.host or self.caddy.host
        tls = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        return Browser(
            address=self.caddy.host,
            port=self.caddy.ports["production"],
            path=path if path.startswith("/") else "/" + path,
            host=self.host or host,
            timeout_s=users.timeout,
            headers={"Host": host} | headers | dict(users.headers),
            tls=tls,
            gate=self._gate,
        )

    def _rules_of(self, listener_arn: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = self._elb.describe_rules(ListenerArn=listener_arn)["Rules"]
        return rules

    def _create_group(self, name: str, vpc: str) -> str:
        check = self._listener.health_check
        http = {"HealthCheckPath": check.path, "Matcher": {"HttpCode": check.codes}}
        response = self._elb.create_target_group(
            Name=name,
            Protocol="TCP" if self._listener.nlb else "HTTP",
            Port=80,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckProtocol="TCP" if self._listener.nlb else "HTTP",
            **({} if self._listener.nlb else http),
        )
        return str(response["TargetGroups"][0]["TargetGroupArn"])

    def _create_listener(self, balancer: str, name: str, port: int, certificate: str) -> None:
        plain, secure = ("TCP", "TLS") if self._listener.nlb else ("HTTP", "HTTPS")
        conditions = self._conditions()
        not_found = {
            "Type": "fixed-response",
            "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"},
        }
        forward = {"Type": "forward", "TargetGroupArn": self.groups[0]}
        self._listeners[name] = self._elb.create_listener(
            LoadBalancerArn=balancer,
            Port=port,
            Protocol=secure if certificate else plain,
            **({"Certificates": [{"CertificateArn": certificate}]} if certificate else {}),
            DefaultActions=[not_found if conditions else forward],
        )["Listeners"][0]["ListenerArn"]
        self._create_other_rules(self._listeners[name])
        if conditions:
            self._rules[name] = self._elb.create_rule(
                ListenerArn=self._listeners[name], Priority=10, Conditions=conditions, Actions=[forward]
            )["Rules"][0]["RuleArn"]

    def _create_other_rules(self, listener_arn: str) -> None:
        for rule in self._listener.rules:
            self._elb.create_rule(
                ListenerArn=listener_arn,
                Priority=rule.priority,
                Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": list(rule.paths)}}],
                Actions=[
                    {
                        "Type": "fixed-response",
                        "FixedResponseConfig": {"StatusCode": str(rule.status), "ContentType": "text/plain"},
                    }
                ],
            )

    def _conditions(self) -> list[dict[str, Any]]:
        settings = self._listener.conditions
        conditions: list[dict[str, Any]] = []
        if settings.hosts:
            conditions.append({"Field": "host-header", "HostHeaderConfig": {"Values": list(settings.hosts)}})
        if settings.paths:
            conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": list(settings.paths)}})
        for name, value in settings.headers.items():
            values = [value] if isinstance(value, str) else list(value)
            conditions.append({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": values}})
        return conditions

    def _issue_certificate(self) -> Certificate:
        import trustme

        hosts = self._listener.conditions.hosts
        self.host = self._listener.host or (_example(hosts[0], "www") if hosts else f"{self._resource}.example.test")
        authority = trustme.CA()
        # A host `*.example.com` gets a wildcard certificate; other patterns get one for an example host.
        names = {self.host, *(name if _is_wildcard(name) else _example(name, "www") for name in hosts)}
        issued = authority.issue_cert(*sorted(names))
        certificate, key, ca = (self._work / name for name in ("listener.pem", "listener.key", "ca.pem"))
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        ca.write_bytes(authority.cert_pem.bytes())
        self.ca_file = str(ca)
        return Certificate(certificate, key, self.host)

    def _import_certificate(self, certificate: Certificate) -> str:
        response = self._aws.client("acm").import_certificate(
            Certificate=certificate.certificate.read_bytes(), PrivateKey=certificate.key.read_bytes()
        )
        return str(response["CertificateArn"])


def _example(pattern: str, star_text: str) -> str:
    """Return a text that matches a pattern."""
    return pattern.replace("*", star_text).replace("?", "x")


def _is_wildcard(host: str) -> bool:
    return host.startswith("*.") and "*" not in host[2:] and "?" not in host and host.count(".") > 1


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None
