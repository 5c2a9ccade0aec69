"""Renderers of a report, one module for each format, without I/O."""
