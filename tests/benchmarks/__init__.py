"""Benchmarks of greenlight against its alternatives; `make bench` runs them, `make test` does not."""
