"""Rules that find mistakes in plans and AppSpecs offline, without running them."""
