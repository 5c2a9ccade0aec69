"""`${name}` in a plan: replaced by a value, never evaluated. Pure.

`$${` stands for a literal `${`. A text that is one `${name}` and nothing else takes the value with its type.
Values are never searched for further references: neither a secret nor an answer can name another value.

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

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}$]*)\}|\$\{")
_SECRET = "secret:"  # noqa: S105 - the prefix of a reference, not a secret
_SECRET_FORM = re.compile(r"(secretsmanager:[^#]+(#.+)?|ssm:.+)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def reference_names(data: Any) -> Iterator[str]:
    """Give every `${name}` in a tree of plain data."""
    for _, text in _texts(data, ()):
        for match in _REFERENCE.finditer(text):
            if match[1] is not None:
                yield match[1].strip()


def has_references(data: Any) -> bool:
    """Tell whether `${` stands in any text of a tree; most parameters have none, and need none of the rest."""
    if isinstance(data, str):
        return "${" in data
    if isinstance(data, dict):
        return any(map(has_references, data.values()))
    return isinstance(data, list) and any(map(has_references, data))


def reference_paths(data: Any, path: PlanPath) -> list[PlanPath]:
    """Give the place of every text, keys included, in which `${` stands."""
    return [*(place for place, _ in _texts(data, path)), *_keys(data, path)]


def unsupported_references(data: Any, path: PlanPath) -> list[tuple[PlanPath, str]]:
    """Name every reference in `data`, which is no validator's parameter."""
    what = "${…} is replaced in the parameters of validators only; write the value out"
    return [(place, what) for place in reference_paths(data, path)]


def secret_names(data: Any) -> set[str]:
    """Give the secret references in a tree, without their `secret:` prefix."""
    return {name[len(_SECRET) :] for name in reference_names(data) if name.startswith(_SECRET)}


def captured_names(params: Any) -> dict[str, PlanPath]:
    """Give the names that a check captures for its later steps, each with its place in the parameters.

    They are the keys of a `capture` map, at the top of the parameters or of one of their `steps`; a map of that name
    inside a body or a payload is data of the service.
    """
    steps = params.get("steps") if isinstance(params, dict) else None
    places: list[tuple[PlanPath, Any]] = [((), params)]
    places += [(("steps", index), step) for index, step in enumerate(steps if isinstance(steps, list) else [])]
    return {
        name: (*path, "capture", name)
        for path, each in places
        if isinstance(each, dict) and isinstance(each.get("capture"), dict)
        for name in each["capture"]
    }


def capture_mistakes(
    captured: Mapping[str, PlanPath], names: Mapping[str, Any], path: PlanPath
) -> list[tuple[PlanPath, str]]:
    """Name every capture that no reference could mean."""
    found = []
    for name, place in captured.items():
        if not _NAME.fullmatch(name):
            found.append(((*path, *place), f"{name!r} is no name; write letters, digits and _"))
        elif name in names:
            found.append(((*path, *place), f"a variable is called {name!r}, too, and would hide the capture"))
    return found


def malformed_references(data: Any, path: PlanPath) -> list[tuple[PlanPath, str]]:
    """Name every `${` that is never closed, stands in a key, or asks for a secret where none can be."""
    found = []
    for place, text in _texts(data, path):
        for match in _REFERENCE.finditer(text):
            name = (match[1] or "").strip()
            if match[0] != "$${" and not name:
                said = truncate(text[match.start() :], 20)
                found.append((place, f"{said!r} is no reference; write ${{name}}, or $${{ for the text itself"))
            elif name.startswith(_SECRET) and not _SECRET_FORM.fullmatch(name[len(_SECRET) :]):
                known = "${secret:secretsmanager:NAME}, ${secret:secretsmanager:NAME#KEY} or ${secret:ssm:/NAME}"
                found.append((place, f"${{{name}}} names no secret; write {known}"))
    return found + [(place, "${…} is not replaced in keys; write the key out") for place in _keys(data, path)]


def unknown_references(data: Any, names: Mapping[str, Any], path: PlanPath) -> list[tuple[PlanPath, str]]:
    """Name every reference in `data` that `names` does not hold."""
    found = []
    for place, text in _texts(data, path):
        for match in _REFERENCE.finditer(text):
            name = (match[1] or "").strip()
            if name == "each" or name.startswith("each."):
                found.append((place, f"${{{name}}} is a row's value, and this check has no rows; give it each: […]"))
            elif name and name not in names:
                found.append((place, f"nothing is called ${{{name}}}{suggest_or_list(name, names, 'known are')}"))
    return found


def replace(data: Any, names: Mapping[str, Any], *, keep: bool = False) -> Any:
    """Replace references by their values.

    Args:
        data: A tree of plain data; keys are left alone.
        names: Values by name.
        keep: Leave unknown names and `$${` as they stand, for a second pass, and write values so that the second pass
            takes them for text; otherwise an unknown name is a KeyError.
    """
    if isinstance(data, str):
        return _replaced(data, names, keep) if "${" in data else data
    if isinstance(data, dict):
        return {key: replace(value, names, keep=keep) for key, value in data.items()}
    return [replace(value, names, keep=keep) for value in data] if isinstance(data, list) else data


def _replaced(text: str, names: Mapping[str, Any], keep: bool) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and whole[1] is not None and (name := whole[1].strip()) in names:
        value = names[name]
        return _escaped(value) if keep and isinstance(value, str) else value
    parts: list[str] = []
    run, end = "", 0
    for match in _REFERENCE.finditer(text):
        run += text[end : match.start()]
        end = match.end()
        if match[1] is None:
            run += "${"
        elif keep and match[1].strip() not in names:
            parts += [_escaped(run), match[0]]
            run = ""
        else:
            value = names[match[1].strip()]
            run += to_json_text(value)
    run += text[end:]
    return "".join([*parts, _escaped(run) if keep else run])


def _escaped(text: str) -> str:
    """Write a text so that a second pass gives it back as it is."""
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
