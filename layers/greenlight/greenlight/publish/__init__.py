"""Where a report goes after the answer: bucket, event bus, topic, metrics; nothing here changes a verdict."""
