"""Attack cases: hostile greens, plans and AWS answers, generated from a seed; `python -m tests.attacks` runs many."""
