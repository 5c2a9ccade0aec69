"""Conditional writes of S3: moto checks the condition and stores the object in two steps, S3 in one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calls import Application, Call, Reply


class S3Api:
    """S3's PutObject with a condition, for which of several simultaneous calls one succeeds."""

    def __init__(self) -> None:
        """Create it without a call under way."""
        self._lock = threading.Lock()

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Return the response to a conditional write; None for another call."""
        if call.service != "s3" or call.method != "PUT":
            return None
        if not (call.header("If-None-Match") or call.header("If-Match")):
            return None
        with self._lock:
            return call.pass_on(moto)
