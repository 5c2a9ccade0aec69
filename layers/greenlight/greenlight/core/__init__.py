"""Types, settings, errors and text helpers that every other package uses; imports no other package."""
