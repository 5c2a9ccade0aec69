"""The order in which plans are looked for; the first that exists is the plan.

1. the tag `greenlight:plan` on the deployment group, a URI;
2. the plan bucket: APPLICATION/GROUP.yaml, then APPLICATION.yaml;
3. SSM: PREFIX/APPLICATION/GROUP;
4. plans packed with the hooks: APPLICATION/GROUP.yaml, then APPLICATION.yaml.
"""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING

from greenlight.core.errors import PlanError, Problem
from greenlight.plan.model import Plan
from greenlight.plan.parser import parse
from greenlight.stores import file, s3, ssm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment
    from greenlight.core.settings import Settings

PLAN_TAG = "greenlight:plan"


def find_plan(aws: Aws, settings: Settings, deployment: Deployment, tags: dict[str, str]) -> Plan | None:
    """Find and read the plan of a deployment; None when there is none anywhere.

    Raises:
        PlanError: The plan that was found is wrong, or the tag names one that does not exist.
        AwsError: A store refused; a store that cannot be read is not a store without a plan.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    if tag := tags.get(PLAN_TAG, "").strip():
        found = read(aws, settings, tag)
        if found is None:
            raise PlanError(
                [Problem(f"the tag {PLAN_TAG} of the deployment group names {tag}, and there is nothing")], tag
            )
        return _parsed(aws, settings, deployment, tag, found, today)
    for uri in candidate_uris(settings, deployment):
        if (found := read(aws, settings, uri)) is not None:
            return _parsed(aws, settings, deployment, uri, found, today)
    return None


def _parsed(
    aws: Aws, settings: Settings, deployment: Deployment, uri: str, found: tuple[str, str], today: datetime.date | None
) -> Plan:
    fetch = lambda fragment: read(aws, settings, fragment)  # noqa: E731
    return parse(found[0], uri, found[1], today, environment=deployment.environment, fetch=fetch)


def candidate_uris(settings: Settings, deployment: Deployment) -> Iterator[str]:
    """Give the URIs where a plan may be, in order."""
    application, group = deployment.application, deployment.group
    names = [f"{application}/{group}", application] if group else [application]
    if not application:
        return
    if settings.plan_bucket:
        yield from (f"s3://{settings.plan_bucket}/{name}.yaml" for name in names)
    if settings.plan_parameter_prefix and group:
        yield f"ssm:{settings.plan_parameter_prefix}/{application}/{group}"
    folder = packed_folder(settings)
    if folder:
        yield from (f"file:{os.path.join(folder, name)}.yaml" for name in names)


def packed_folder(settings: Settings) -> str:
    """Give the folder of plans packed with the hooks; "" where there is none."""
    if settings.plan_folder:
        return settings.plan_folder
    root = os.environ.get("LAMBDA_TASK_ROOT", "")
    return os.path.join(root, "plans") if root else ""


def read(aws: Aws, settings: Settings, uri: str) -> tuple[str, str] | None:
    """Read a plan's text and version id; None where nothing is.

    Raises:
        PlanError: The URI is of no known kind, or the text is none.
        AwsError: The store refused.
    """
    kind, _, rest = uri.partition(":")
    if kind == "s3" and rest.startswith("//"):
        bucket, _, key = rest[2:].partition("/")
        if bucket and key:
            return s3.read(aws, rest[2:])
    if kind == "ssm" and rest:
        return ssm.read(aws, rest)
    if kind == "file" and rest:
        folder = packed_folder(settings)
        if not folder:
            raise PlanError([Problem("no plans are packed with the hooks of this installation")], uri)
        return file.read(rest, folder)
    raise PlanError([Problem(f"{uri!r} is no place of a plan; write s3://BUCKET/KEY, ssm:/NAME or file:NAME")], uri)
