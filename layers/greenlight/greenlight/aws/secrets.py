"""Secrets that a plan refers to, fetched when the gate runs.

`${secret:secretsmanager:NAME}` or `…:NAME#KEY` (a key of a secret that is a JSON object), and
`${secret:ssm:/path}` for a SecureString parameter. Values are only passed to the worker and to the redactor.
An installation with `SecretPaths` rejects a plan that refers to a secret of another application, before it reads any.

Example:
    checks:
      - name: an order can be read with a token
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
from greenlight.core.secret_paths import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.aws.client import Aws


def fetch_secrets(references: Iterable[str], aws: Aws) -> dict[str, str]:
    """Fetch the value of each reference (the part after `secret:`).

    Raises:
        PlanError: A reference has no valid store, secret or key; the message never contains the value.
        AwsError: The store denied the call or did not respond.
    """
    return {reference: _fetch_secret(reference, aws) for reference in sorted(references)}


def _fetch_secret(reference: str, aws: Aws) -> str:
    store, name, key = parse_reference(reference)
    if store not in ("secretsmanager", "ssm") or not name:
        raise _invalid_reference(
            reference, "write secret:secretsmanager:NAME, secret:secretsmanager:NAME#KEY or secret:ssm:/NAME"
        )
    try:
        text = _from_secrets_manager(reference, name, aws) if store == "secretsmanager" else _from_ssm(name, aws)
    except AwsError as error:
        if error.code in ("ResourceNotFoundException", "ParameterNotFound"):
            raise _invalid_reference(reference, "there is no such secret") from error
        raise
    return _read_key(reference, text, key) if key else text


def _from_secrets_manager(reference: str, name: str, aws: Aws) -> str:
    secret = aws.call("secretsmanager", "get_secret_value", SecretId=name)
    if "SecretString" not in secret:
        raise _invalid_reference(reference, "the secret is binary; store it as text")
    return str(secret["SecretString"])


def _from_ssm(name: str, aws: Aws) -> str:
    return str(aws.call("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"])


def _read_key(reference: str, text: str, key: str) -> str:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _invalid_reference(
            reference, "the secret is not JSON, so it has no keys; refer to it without #"
        ) from error
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise _invalid_reference(reference, "the secret has no such key with a text value")
    return str(value)


def _invalid_reference(reference: str, reason: str) -> PlanError:
    return PlanError([Problem(f"${{secret:{reference}}}: {reason}")])
