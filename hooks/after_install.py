"""Hook for AfterInstall: green runs but gets no traffic yet (ECS)."""

from greenlight.gate.handler import hook

handler = hook("AfterInstall")
