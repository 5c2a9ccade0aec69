"""Renderers of a report; pure, one file for each format."""
