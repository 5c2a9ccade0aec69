"""Metrics, logs and traces that are green's alone: a response counts if it has data, and the data is green's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from greenlight.core.deployment import Deployment

OBSERVING_SERVICES = ("cloudwatch", "logs", "xray")

_DATA_KEYS = {("cloudwatch", "get_metric_statistics"): "Datapoints", ("xray", "get_trace_summaries"): "TraceSummaries"}
"""Operations whose parameters name what all of their data is about, and the key of the data in their response."""

_LOG_OPERATIONS = ("filter_log_events", "get_log_events")


def shows_green_under_traffic(
    deployment: Deployment,
    tasks: Collection[str],
    call: tuple[str, str],
    parameters: Mapping[str, Any],
    response: Mapping[str, Any],
) -> bool:
    """Return whether a response has data of green alone.

    Args:
        deployment: The deployment.
        tasks: Ids of green's tasks, as far as they are known.
        call: Service and operation.
        parameters: Parameters of the call.
        response: AWS's response.
    """
    marks = _green_marks(deployment)
    if call in _DATA_KEYS:
        return bool(response.get(_DATA_KEYS[call])) and _names_green(parameters, marks, deployment.green.version)
    if call == ("cloudwatch", "get_metric_data"):
        return _has_metric_of_green(deployment, marks, parameters, response)
    return (
        call[0] == "logs" and call[1] in _LOG_OPERATIONS and _has_line_of_green(deployment, tasks, parameters, response)
    )


def _green_marks(deployment: Deployment) -> set[str]:
    green = deployment.green
    marks = {green.target_group, green.target_group.rpartition(":")[2], green.task_set}
    if deployment.function and green.version:
        marks.add(f"{deployment.function}:{green.version}")
    return marks - {""}


def _has_metric_of_green(
    deployment: Deployment, marks: Collection[str], parameters: Mapping[str, Any], response: Mapping[str, Any]
) -> bool:
    """Return whether a query that names green has a value."""
    queries = parameters.get("MetricDataQueries", [])
    ids = {query.get("Id") for query in queries if _names_green(query, marks, deployment.green.version)}
    return any(result.get("Values") and result.get("Id") in ids for result in response.get("MetricDataResults", []))


def _has_line_of_green(
    deployment: Deployment, tasks: Collection[str], parameters: Mapping[str, Any], response: Mapping[str, Any]
) -> bool:
    version = deployment.green.version
    marks = {f"[{version}]"} if version else tasks
    requested = str(parameters.get("logStreamName", ""))
    streams = [str(event.get("logStreamName") or requested) for event in response.get("events", [])]
    return any(mark in stream for stream in streams for mark in marks)


def _names_green(value: Any, marks: Collection[str], version: str) -> bool:
    if any(_contains_name(text, mark) for text in _texts(value) for mark in marks):
        return True
    return bool(version) and _has_version_dimension(value, version)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        items: Iterable[Any] = value.values() if isinstance(value, dict) else value
        for item in items:
            yield from _texts(item)


def _contains_name(text: str, name: str) -> bool:
    """Return whether `name` is in `text` and does not go on there: `orders:7` is not in `orders:71`."""
    place = text.find(name)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(name) : place + len(name) + 1]
        if not before.isalnum() and not after.isalnum() and "-" not in (before, after):
            return True
        place = text.find(name, place + 1)
    return False


def _has_version_dimension(value: Any, version: str) -> bool:
    """Return whether a query has CloudWatch's dimension of this executed version."""
    if isinstance(value, dict):
        is_dimension = value.get("Name") == "ExecutedVersion" and value.get("Value") == version
        return is_dimension or any(_has_version_dimension(item, version) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_has_version_dimension(item, version) for item in value)
