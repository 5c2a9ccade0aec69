"""exits_at_import: exits when it is imported, before it defines a validator."""

raise SystemExit(0)
