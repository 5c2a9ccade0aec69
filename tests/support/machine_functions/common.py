"""Calls that the stand-ins of the hooks and of the machine's functions share."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from botocore.session import Session

SETTINGS = json.loads((Path(__file__).parent / "settings.json").read_text())
"""What a test wants of the functions."""
BUCKET = os.environ["GREENLIGHT_REPORT_BUCKET"]
_SESSION = Session()


def client(service: str) -> Any:
    return _SESSION.create_client(service)


def put(key: str, document: Any) -> dict[str, str]:
    """Store a document in the report bucket, and return the reference to it."""
    body = json.dumps(document).encode()
    version = client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    return {"key": key, "version": version, "sha256": hashlib.sha256(body).hexdigest()}


def get(reference: dict[str, str]) -> Any:
    """Read a document by its reference."""
    body = client("s3").get_object(Bucket=BUCKET, Key=reference["key"], VersionId=reference["version"])["Body"].read()
    assert hashlib.sha256(body).hexdigest() == reference["sha256"]
    return json.loads(body)
