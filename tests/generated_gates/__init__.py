"""Gates from a seed: random plans, greens and AWS answers, of which none may succeed without an answer of green.

`python -m tests.generated_gates --gates 10000 --seed 1` runs them; each gate is repeated alone by its number.
"""
