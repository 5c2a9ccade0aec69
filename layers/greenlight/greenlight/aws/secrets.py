"""Secrets that a plan refers to, fetched when a gate needs them.

`${secret:secretsmanager:NAME}` or `…:NAME#KEY` (a key of a secret that is a JSON object), and
`${secret:ssm:/path}` for a SecureString parameter. Values go to the worker and to the redactor, nowhere else.

Example:
    checks:
      - name: an order can be read by who may
        http:
          get: /orders/1
          headers:
            authorization: Bearer ${secret:secretsmanager:shop/smoke#token}
            x-api-key: ${secret:ssm:/shop/api-key}
          expect: {status: 200}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from greenlight.core.errors import AwsError, PlanError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.aws.client import Aws


def fetch_secrets(references: Iterable[str], aws: Aws) -> dict[str, str]:
    """Fetch the value of each reference (as written after `secret:`).

    Raises:
        PlanError: A reference that names no store, no secret or no key; the value is never part of the message.
        AwsError: The store refused or did not answer.
    """
    return {reference: _value(reference, aws) for reference in sorted(references)}


def _value(reference: str, aws: Aws) -> str:
    store, _, rest = reference.partition(":")
    name, _, key = rest.partition("#")
    if store not in ("secretsmanager", "ssm") or not name:
        raise _refused(
            reference, "write secret:secretsmanager:NAME, secret:secretsmanager:NAME#KEY or secret:ssm:/NAME"
        )
    try:
        text = _from_secrets_manager(reference, name, aws) if store == "secretsmanager" else _from_ssm(name, aws)
    except AwsError as error:
        if error.code in ("ResourceNotFoundException", "ParameterNotFound"):
            raise _refused(reference, "there is no such secret") from error
        raise
    return _keyed(reference, text, key) if key else text


def _from_secrets_manager(reference: str, name: str, aws: Aws) -> str:
    answer = aws.call("secretsmanager", "get_secret_value", SecretId=name)
    if "SecretString" not in answer:
        raise _refused(reference, "the secret is binary; store it as text")
    return str(answer["SecretString"])


def _from_ssm(name: str, aws: Aws) -> str:
    return str(aws.call("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"])


def _keyed(reference: str, text: str, key: str) -> str:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _refused(reference, "the secret is not JSON, so it has no keys; refer to it without #") from error
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise _refused(reference, "the secret has no such key with a text in it")
    return str(value)


def _refused(reference: str, why: str) -> PlanError:
    return PlanError([Problem(f"${{secret:{reference}}}: {why}")])
