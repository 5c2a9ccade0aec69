"""The problems that lint rules report, and how they relate to the other kinds of problem.

There are four kinds, from the least to the most specific:

- `greenlight.plan.decoder.PathProblem`: a path and a sentence, from the parser, the decoder and the binding.
  `Document.problems` converts it to a `Problem`.
- `RuleProblem`, here: a rule's id, a path and a sentence, from the rules of lint. `linter` converts it to a `Problem`.
- `greenlight.core.errors.Problem`: a sentence with path, line, column and source; for lint also rule and severity.
  Errors carry it, and reports show it.
- `devkit.doctor.rules.Symptom`: a rule's id and a sentence with evidence and a fix, from the rules of the doctor.

The first two have a path instead of a line, because most code that finds problems works on plain data and not on the
file. A `Document` has the line and column of every path. The engine has no rule ids: `rules.with_rule` finds the rule
of a `Problem` by its sentence. A `Symptom` is about an account or a template, so it has evidence and a fix instead of a
path.
"""

from __future__ import annotations

from collections.abc import Iterator

from greenlight.core.plan_path import PlanPath

RuleProblem = tuple[str, PlanPath, str]
"""The id of a rule, a path in the document, and a sentence."""

RuleProblems = Iterator[RuleProblem]
