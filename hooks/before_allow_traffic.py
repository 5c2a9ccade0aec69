"""Hook for BeforeAllowTraffic: the last gate before users (ECS and Lambda)."""

from greenlight.gate.handler import hook

handler = hook("BeforeAllowTraffic")
