"""Hook for AfterAllowTestTraffic: the test listener routes to green (ECS), so smoke tests can run."""

from greenlight.gate.handler import hook

handler = hook("AfterAllowTestTraffic")
