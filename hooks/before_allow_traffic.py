"""Hook for BeforeAllowTraffic: the last gate before users (ECS and Lambda)."""

from greenlight.conductors.inline import hook

handler = hook("BeforeAllowTraffic")
