"""Stored reports: finding, reading and summarising them."""
