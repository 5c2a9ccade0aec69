"""What greenlight costs, beside what people would use in its place; `make bench` runs it, `make test` does not."""
