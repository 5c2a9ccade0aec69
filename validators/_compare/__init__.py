"""Comparison of blue with green: `sides` sends questions, `samples` collects answers, `judge` decides."""
