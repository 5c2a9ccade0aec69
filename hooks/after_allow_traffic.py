"""Hook for AfterAllowTraffic: all users are on green (ECS and Lambda); a Failed still rolls back."""

from greenlight.conductors.inline import hook

handler = hook("AfterAllowTraffic")
