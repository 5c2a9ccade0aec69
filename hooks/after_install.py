"""Hook for AfterInstall: green runs and gets no traffic yet (ECS)."""

from greenlight.gate.handler import hook

handler = hook("AfterInstall")
