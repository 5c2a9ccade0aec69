"""The three steps from event to answer: prepare, probe, conclude."""
