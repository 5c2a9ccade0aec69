"""Hook for BeforeAllowTraffic: production traffic is about to shift to green (ECS and Lambda)."""

from greenlight.gate.handler import hook

handler = hook("BeforeAllowTraffic")
