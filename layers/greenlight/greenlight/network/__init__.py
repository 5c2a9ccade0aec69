"""HTTP and socket clients for checks: allowed addresses only, bounded in time and size."""
