"""Building blocks that several validators share."""
