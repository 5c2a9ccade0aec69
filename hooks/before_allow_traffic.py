"""Hook for BeforeAllowTraffic: production traffic shifts to green next (ECS and Lambda)."""

from greenlight.gate.handler import hook

handler = hook("BeforeAllowTraffic")
