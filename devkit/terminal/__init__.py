"""Output to terminals and files, progress, and watching files."""
