"""Renderers of a report, one module for each format; no I/O."""
