"""Lookup of a deployment's plan, in this order; the first one that exists is used.

1. the tag `greenlight:plan` on the deployment group, a URI;
2. the plan bucket: APPLICATION/GROUP.yaml, then APPLICATION.yaml;
3. SSM: PREFIX/APPLICATION/GROUP;
4. plans packed with the hooks: APPLICATION/GROUP.yaml, then APPLICATION.yaml.

The role that reads plans may also read secrets. Parameters outside of the SSM path of plans are therefore refused, and
messages about a SecureString or an object outside of the plan bucket never quote it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from greenlight.core.clock import SYSTEM_CLOCK
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


def find_plan(
    aws: Aws, settings: Settings, deployment: Deployment, tags: dict[str, str], reader: PlanReader | None = None
) -> Plan | None:
    """Find and parse the plan of a deployment; return None if no store has one.

    Args:
        aws: AWS clients to read with.
        settings: The places of plans.
        deployment: The discovered deployment.
        tags: Tags of the deployment group.
        reader: Reader whose texts the caller needs afterwards; None for a new one.

    Raises:
        PlanError: The plan is not valid, or the tag names a plan that does not exist.
        AwsError: A store denied the call or did not respond; that must not look like a store without a plan.
    """
    reader = reader or PlanReader(aws, settings)
    if tag := tags.get(PLAN_TAG, "").strip():
        stored = reader(tag)
        if stored is None:
            problem = Problem(f"the tag {PLAN_TAG} of the deployment group names {tag}, which does not exist")
            raise PlanError([problem], tag)
        return _parse_plan(reader, deployment, tag, stored)
    for uri in candidate_uris(settings, deployment):
        if (stored := reader(uri)) is not None:
            return _parse_plan(reader, deployment, uri, stored)
    return None


def _parse_plan(reader: PlanReader, deployment: Deployment, uri: str, stored: tuple[str, str]) -> Plan:
    text, version_id = stored
    today = SYSTEM_CLOCK.now_utc().date()
    try:
        return parse(text, uri, version_id, today, environment=deployment.environment, fetch=reader)
    except PlanError as error:
        if not reader.confidential:
            raise
        problems = [reader.without_quotations(problem, uri) for problem in error.problems]
        raise PlanError(problems, error.source, plan=error.plan) from None


def candidate_uris(settings: Settings, deployment: Deployment) -> Iterator[str]:
    """Yield the URIs where a plan may be, in order."""
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
    """Return the folder of plans packed with the hooks; "" if the installation has no such folder."""
    if settings.plan_folder:
        return settings.plan_folder
    root = os.environ.get("LAMBDA_TASK_ROOT", "")
    return os.path.join(root, "plans") if root else ""


class PlanReader:
    """Reader of plans and fragments.

    Attributes:
        confidential: URIs of what was read and must not be quoted, because it may be a secret.
        texts: Text and version id of everything that was read, by URI.
    """

    def __init__(self, aws: Aws, settings: Settings) -> None:
        """Read with `aws` from the places that `settings` name."""
        self._aws, self._settings = aws, settings
        self.confidential: set[str] = set()
        self.texts: dict[str, tuple[str, str]] = {}

    def __call__(self, uri: str) -> tuple[str, str] | None:
        """Read a plan; return its text and version id, or None if it does not exist.

        Raises:
            PlanError: The URI is not valid or outside of the SSM path of plans; its content is too large or not UTF-8.
            AwsError: The store denied the call or did not respond.
        """
        content = self._read(uri)
        if content is not None:
            self.texts[uri] = content
        return content

    def _read(self, uri: str) -> tuple[str, str] | None:
        kind, _, rest = uri.partition(":")
        if kind == "s3" and rest.startswith("//"):
            bucket, _, key = rest[2:].partition("/")
            if bucket and key:
                if bucket != self._settings.plan_bucket:
                    self.confidential.add(uri)
                return s3.read(self._aws, rest[2:])
        if kind == "ssm" and rest:
            return self._read_parameter(rest, uri)
        if kind == "file" and rest:
            folder = packed_folder(self._settings)
            if not folder:
                raise PlanError([Problem("no plans are packed with the hooks of this installation")], uri)
            return file.read(rest, folder)
        raise PlanError(
            [Problem(f"{uri!r} is not a valid location of a plan; write s3://BUCKET/KEY, ssm:/NAME or file:NAME")], uri
        )

    def _read_parameter(self, name: str, uri: str) -> tuple[str, str] | None:
        prefix = self._settings.plan_parameter_prefix
        if not prefix or not name.startswith(f"{prefix}/"):
            path = prefix and f", {prefix}"
            message = f"{uri} is outside of the SSM path of plans (PlanParameterPrefix{path}); store the plan below it"
            raise PlanError([Problem(message)], uri)
        parameter = ssm.read_parameter(self._aws, name)
        if parameter is None:
            return None
        if parameter.is_secure:
            self.confidential.add(uri)
        return parameter.text, parameter.version_id

    def without_quotations(self, problem: Problem, plan_uri: str) -> Problem:
        """Return a problem without path and quotations if it is about a confidential text."""
        uri = problem.source or plan_uri
        if uri not in self.confidential:
            return problem
        message = (
            "this is not valid; it is not quoted, because a SecureString or an object outside of the plan bucket "
            "may be a secret: run `greenlight lint` on the file"
        )
        return Problem(message, "", problem.line, problem.column, source=problem.source)


def read(aws: Aws, settings: Settings, uri: str) -> tuple[str, str] | None:
    """Read a plan; return its text and version id, or None if it does not exist.

    Raises:
        PlanError: The URI is not valid, or its content is too large or not UTF-8.
        AwsError: The store denied the call or did not respond.
    """
    return PlanReader(aws, settings)(uri)
