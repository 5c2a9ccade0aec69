"""Hook for BeforeInstall: before green exists (ECS)."""

from greenlight.conductors.inline import hook

handler = hook("BeforeInstall")
