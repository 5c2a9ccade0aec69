"""Hook for BeforeInstall: green does not exist yet (ECS)."""

from greenlight.gate.handler import hook

handler = hook("BeforeInstall")
