"""Channels of a report: S3 bucket, event bus, SNS topic, metrics. None of them can change a verdict."""
