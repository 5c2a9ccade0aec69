"""Hook for AfterInstall: green runs, nobody reaches it yet (ECS)."""

from greenlight.gate.handler import hook

handler = hook("AfterInstall")
