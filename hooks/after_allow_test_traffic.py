"""Hook for AfterAllowTestTraffic: the test listener leads to green (ECS): the moment for smoke tests."""

from greenlight.conductors.inline import hook

handler = hook("AfterAllowTestTraffic")
