"""A plan with most keys, and helpers that parse and bind plans."""

from __future__ import annotations

import pytest

from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import PlanError
from greenlight.plan.model import Plan
from greenlight.plan.parser import parse

SOMEWHERE = Deployment(id="d-LOCAL0000", platform=Platform.ECS, stage="")


REGISTRY = Registry()


GOOD = """\
version: 1
defaults: {timeout: 5s, retry: {attempts: 2, interval: 1s}}
variables: {tenant: smoke, shards: 3}
target: {host: shop.example.com, url: "https://green.example.com/shop"}
stages:
  AfterAllowTestTraffic:
    bake: 1m
    checks:
      - name: green answers
        http: {get: "/${tenant}/health", expect: {status: 200, latency: {lte: 500ms}}}
      - name: an order can be placed and read back
        severity: advisory
        timeout: 1m
        retry: {attempts: 3, backoff: 2, on: [error]}
        needs: [green answers]
        when: {platform: ecs, group: blue-green}
        tags: [orders]
        http:
          steps:
            - post: /orders
              body: {json: {sku: A1, note: null}}
              expect: {status: 201}
              capture: {id: json.id}
            - get: /orders/${id}
              expect: {json: {"items[0].sku": A1, "length(items)": {gte: 1}, gone: null}}
  AfterAllowTraffic:
    checks:
      - name: targets are well
        target_health:
"""


def bound(text: str) -> Plan:
    plan = parse(text, "s3://plans/shop.yaml", "v7")
    bind(plan, SOMEWHERE, {}, REGISTRY)
    return plan


def refused(text: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        bound(text)
    return caught.value
