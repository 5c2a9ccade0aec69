"""The assertion language: expectations, predicates and filters over JSON-like values; no I/O."""
