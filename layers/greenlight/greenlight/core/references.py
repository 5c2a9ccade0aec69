"""References `${name}` in plans: replaced by values, never evaluated.

`$${` is a literal `${`. A text that consists of one `${name}` takes the value with its type.
Values are never searched for further references, so neither a secret nor a response can refer to another value.

Example:
    version: 1
    variables: {tenant: smoke, articles: 2}
    stages:
      AfterAllowTestTraffic:
        checks:
          - name: the tenant's catalogue is there
            http:
              get: /catalogue
              headers: {x-tenant: "${tenant}", x-deployment: "${deployment.id}"}
              expect: {status: 200, json: {"length(articles)": "${articles}"}}
          - name: an order can be placed and read back
            http:
              steps:
                - post: /orders
                  body: {json: {sku: A1, note: "costs $${5}"}}
                  expect: {status: 201}
                  capture: {id: json.id}
                - get: /orders/${id}
                  expect: {status: 200, json: {note: "costs $${5}"}}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.display import to_json_text, truncate
from greenlight.core.suggestions import suggest_or_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.core.plan_path import PlanPath

MAX_REPLACED = 8 * 1024 * 1024
"""Characters of all texts of a plan together once their references are replaced; a worker holds them in memory."""

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}$]*)\}|\$\{")
_SECRET = "secret:"  # noqa: S105 - the prefix of a reference, not a secret
_SECRET_FORM = re.compile(r"(secretsmanager:[^#]+(#.+)?|ssm:.+)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def reference_names(data: Any) -> Iterator[str]:
    """Return the names of all references in plain data."""
    for _, text in _texts(data, ()):
        for match in _REFERENCE.finditer(text):
            if match[1] is not None:
                yield match[1].strip()


def has_references(data: Any) -> bool:
    """Check whether any text has a `${`. Most parameters have none, and then nothing else needs to be done."""
    if isinstance(data, str):
        return "${" in data
    if isinstance(data, dict):
        return any(map(has_references, data.values()))
    return isinstance(data, list) and any(map(has_references, data))


def reference_paths(data: Any, path: PlanPath) -> list[PlanPath]:
    """Return the place of every text that has a `${`, keys included."""
    return [*(place for place, _ in _texts(data, path)), *_keys(data, path)]


def unsupported_references(data: Any, path: PlanPath) -> list[tuple[PlanPath, str]]:
    """Return a mistake for every reference in `data`, for data that does not belong to a validator."""
    message = "${…} is replaced in the parameters of validators only; write out the value"
    return [(place, message) for place in reference_paths(data, path)]


def secret_names(data: Any) -> set[str]:
    """Return the references to secrets, without their prefix `secret:`."""
    return {name[len(_SECRET) :] for name in reference_names(data) if name.startswith(_SECRET)}


def captured_names(params: Any) -> dict[str, PlanPath]:
    """Return the names that a check captures for its later steps, each with its place in the parameters.

    They are the keys of a `capture` map at the top of the parameters or of one of their `steps`. A map of that name
    inside a body or a payload is data of the service.
    """
    steps = params.get("steps") if isinstance(params, dict) else None
    places: list[tuple[PlanPath, Any]] = [((), params)]
    places += [(("steps", index), step) for index, step in enumerate(steps if isinstance(steps, list) else [])]
    return {
        name: (*path, "capture", name)
        for path, step in places
        if isinstance(step, dict) and isinstance(step.get("capture"), dict)
        for name in step["capture"]
    }


def capture_mistakes(
    captured: Mapping[str, PlanPath], names: Mapping[str, Any], path: PlanPath
) -> list[tuple[PlanPath, str]]:
    """Return a mistake for every capture whose name a reference cannot use."""
    mistakes = []
    for name, place in captured.items():
        if not _NAME.fullmatch(name):
            mistakes.append(((*path, *place), f"{name!r} is not a valid name; write letters, digits and _"))
        elif name in names:
            mistakes.append(((*path, *place), f"a variable is called {name!r}, too, and would hide the capture"))
    return mistakes


def malformed_references(data: Any, path: PlanPath) -> list[tuple[PlanPath, str]]:
    """Return a mistake for every `${` that is not closed, is in a key, or refers to a secret in a wrong form."""
    mistakes = []
    for place, text in _texts(data, path):
        for match in _REFERENCE.finditer(text):
            name = (match[1] or "").strip()
            if match[0] != "$${" and not name:
                excerpt = truncate(text[match.start() :], 20)
                message = f"{excerpt!r} is not a valid reference; write ${{name}}, or $${{ for the text itself"
                mistakes.append((place, message))
            elif name.startswith(_SECRET) and not _SECRET_FORM.fullmatch(name[len(_SECRET) :]):
                forms = "${secret:secretsmanager:NAME}, ${secret:secretsmanager:NAME#KEY} or ${secret:ssm:/NAME}"
                mistakes.append((place, f"${{{name}}} is not a valid reference to a secret; write {forms}"))
    return mistakes + [(place, "${…} is not replaced in keys; write the key out") for place in _keys(data, path)]


def unknown_references(data: Any, names: Mapping[str, Any], path: PlanPath) -> list[tuple[PlanPath, str]]:
    """Return a mistake for every reference in `data` whose name is not in `names`."""
    mistakes = []
    for place, text in _texts(data, path):
        for match in _REFERENCE.finditer(text):
            name = (match[1] or "").strip()
            if name == "each" or name.startswith("each."):
                mistakes.append((place, f"${{{name}}} is a row's value, and this check has no rows; add each: […]"))
            elif name and name not in names:
                suggestion = suggest_or_list(name, names, "valid names are")
                mistakes.append((place, f"nothing is called ${{{name}}}{suggestion}"))
    return mistakes


def replaced_size(data: Any, names: Mapping[str, Any]) -> int:
    """Return the length of all texts whose references are replaced; a text that is one reference shares its value."""
    sizes: dict[str, int] = {}
    total = 0
    for _, text in _texts(data, ()):
        whole = _REFERENCE.fullmatch(text)
        if whole is not None and whole[1] is not None:
            continue
        total += len(text)
        for match in _REFERENCE.finditer(text):
            name = (match[1] or "").strip()
            if name in names:
                if name not in sizes:
                    sizes[name] = len(to_json_text(names[name]))
                total += sizes[name]
    return total


def replace(data: Any, names: Mapping[str, Any], *, keep: bool = False) -> Any:
    """Replace references by their values.

    Args:
        data: Plain data; keys are not changed.
        names: Values by name.
        keep: Leave unknown names and `$${` for a second pass, and escape values so that the second pass does not
            change them.

    Raises:
        KeyError: A name is unknown, and `keep` is not set.
    """
    if isinstance(data, str):
        return _replace_text(data, names, keep) if "${" in data else data
    if isinstance(data, dict):
        return {key: replace(value, names, keep=keep) for key, value in data.items()}
    return [replace(value, names, keep=keep) for value in data] if isinstance(data, list) else data


def _replace_text(text: str, names: Mapping[str, Any], keep: bool) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and whole[1] is not None and (name := whole[1].strip()) in names:
        value = names[name]
        return _escape(value) if keep and isinstance(value, str) else value
    parts: list[str] = []
    run, end = "", 0
    for match in _REFERENCE.finditer(text):
        run += text[end : match.start()]
        end = match.end()
        if match[1] is None:
            run += "${"
        elif keep and match[1].strip() not in names:
            parts += [_escape(run), match[0]]
            run = ""
        else:
            value = names[match[1].strip()]
            run += to_json_text(value)
    run += text[end:]
    return "".join([*parts, _escape(run) if keep else run])


def _escape(text: str) -> str:
    """Escape a text so that a second pass returns it unchanged."""
    return text.replace("${", "$${")


def _texts(data: Any, path: PlanPath) -> Iterator[tuple[PlanPath, str]]:
    if isinstance(data, str):
        if "${" in data:
            yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*path, index))


def _keys(data: Any, path: PlanPath) -> Iterator[PlanPath]:
    if isinstance(data, dict):
        for key, value in data.items():
            if "${" in key:
                yield (*path, key)
            yield from _keys(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _keys(value, (*path, index))
