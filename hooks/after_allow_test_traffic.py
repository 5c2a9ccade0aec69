"""Hook for AfterAllowTestTraffic: the test listener leads to green (ECS): the moment for smoke tests."""

from greenlight.gate.handler import hook

handler = hook("AfterAllowTestTraffic")
