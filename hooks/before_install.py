"""Hook for BeforeInstall: before green exists (ECS)."""

from greenlight.gate.handler import hook

handler = hook("BeforeInstall")
