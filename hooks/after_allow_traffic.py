"""Hook for AfterAllowTraffic: all users are on green (ECS and Lambda); a Failed still rolls back."""

from greenlight.gate.handler import hook

handler = hook("AfterAllowTraffic")
