"""serves_green: the answers come from green and not from blue, as their contents show.

The check takes several samples, each over a connection of its own, and each must contain what only green can answer: a
header or a JSON field with the expected value, such as `${green.task_definition}`, `${green.version}` or a release
that the plan names. A number in JSON equals its text, and a task definition's ARN equals its `family:revision`, which
a container can read from its task metadata. A value that blue would answer, too, is INCONCLUSIVE, and so are too few
samples. As long as blue can be called (ECS, until traffic shifts), the check compares its answer, too.

Without `get`, a function is invoked: through the version until traffic has shifted, and through its alias at
AfterAllowTraffic. Lambda's own ExecutedVersion must then always be green's. Choose a payload that changes nothing: it
runs once for each sample.

Example:
    checks:
      - name: the test listener leads to green
        serves_green:
          get: /version
          json: {task: "${green.task_definition}"}
          headers: {X-Release: "2026.11.2"}
          samples: 10

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (ExecutedVersion);
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

from __future__ import annotations

from greenlight.api import (
    Context,
    Finding,
    GreenlightError,
    NoAnswerError,
    Outcome,
    error,
    failed,
    finding_from,
    inconclusive,
    validator,
)

from ._green_samples import Sample, ServesGreen, Value, compare_samples, request_sample, take_sample

MARGIN_S = 0.2
"""Blue is not asked with less time than this."""


@validator(
    ServesGreen,
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Send the same request by hand and see which revision answers. On ECS, check the rule that routes to green "
        "with the `listener` check; on Lambda, check the alias. If blue answers the same value, choose one that "
        "changes with each release."
    ),
    cost=(
        "As many requests or invocations as `samples`, and one request to blue, which serves users; invocations are "
        "billed."
    ),
)
def serves_green(params: ServesGreen, context: Context) -> Finding:
    """The answers come from green and not from blue, as their contents show."""
    expected = _expected_values(params, context)
    if isinstance(expected, Finding):
        return expected
    samples: list[Sample] = []
    while len(samples) < params.samples:
        if samples and not context.sleep(float(params.interval)):
            break
        try:
            samples.append(take_sample(params, context))
        except GreenlightError as problem:
            make_finding = failed if isinstance(problem, NoAnswerError) else error
            return make_finding(f"sample {len(samples) + 1}: {problem}", *compare_samples(expected, samples))
    results = compare_samples(expected, samples)
    if len(samples) < params.samples and all(result.passed for result in results):
        return inconclusive(
            f"only {len(samples)} of {params.samples} samples could be taken within the check's time", *results
        )
    finding = finding_from(results, f"all {len(samples)} answers came from green")
    if finding.outcome is not Outcome.PASS or not params.get or not _has_own_blue(context):
        return finding
    if context.remaining_s() < MARGIN_S:
        return inconclusive("the check's time ended before blue was asked for its own answer", *results)
    if _blue_answers_the_same(params, context, expected):
        return inconclusive("blue gives the same answer, so it shows nothing; use a value of this release", *results)
    if context.remaining_s() <= 0:
        return inconclusive("the check's time ended before blue gave its own answer", *results)
    return finding


def _expected_values(params: ServesGreen, context: Context) -> dict[str, Value] | Finding:
    """Return the expected values by the name of their evidence, or a finding if they would prove nothing."""
    expected = {f"header {name}": value for name, value in params.headers.items()}
    expected |= {f"json {query}": value for query, value in params.json.items()}
    if not params.get:
        if not (context.deployment.function and context.green.version):
            return error("green is not a function here; add get: with a path whose answer shows the revision")
        expected["ExecutedVersion"] = context.green.version
    blue = context.deployment.blue
    family_and_revision = blue.task_definition.rpartition("/")[2]
    values_of_blue = (blue.version, blue.task_set, blue.task_definition, family_and_revision, blue.target_group)
    for name, value in expected.items():
        if value == "":
            return error(f"{name}: the expected value is empty at {context.deployment.stage}, so it shows nothing")
        if value in values_of_blue:
            return inconclusive(f"{name}: blue would answer {value!r} as well, so it shows nothing; use another value")
    return expected


def _has_own_blue(context: Context) -> bool:
    return bool(context.blue.url) and context.blue.url != context.green.url


def _blue_answers_the_same(params: ServesGreen, context: Context, expected: dict[str, Value]) -> bool:
    """Call blue; if it does not answer, the samples are not from blue."""
    try:
        sample = request_sample(params, context, "blue")
    except GreenlightError:
        return False
    return all(result.passed for result in compare_samples(expected, [sample]))
