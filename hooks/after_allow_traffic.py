"""Hook for AfterAllowTraffic: all production traffic reaches green (ECS and Lambda); Failed rolls back."""

from greenlight.gate.handler import hook

handler = hook("AfterAllowTraffic")
