"""What a query gives that found nothing. Pure."""

from __future__ import annotations


class Missing:
    """What a query gives that found nothing; not the same as a null that was found."""

    def __repr__(self) -> str:
        """Show it the way evidence does."""
        return "(nothing found)"


MISSING = Missing()
