"""Hook for AfterInstall: green runs, nobody reaches it yet (ECS)."""

from greenlight.conductors.inline import hook

handler = hook("AfterInstall")
