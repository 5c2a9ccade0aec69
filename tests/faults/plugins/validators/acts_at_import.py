"""acts_at_import: misbehaves when it is imported, as AT_IMPORT asks; passes if the import succeeds."""

import os
import time

from greenlight.api import Context, Finding, Params, passed, validator

_fault = os.environ["AT_IMPORT"]
if _fault == "raises":
    raise ValueError("on purpose")
if _fault == "exits at once":
    os._exit(0)
if _fault == "hangs":
    time.sleep(3600)
if _fault == "prints":
    os.write(1, b'{"outcome": "PASS", "name": "bad"}\n' * 10_000)
if _fault == "forks" and os.fork() == 0:
    time.sleep(3600)
if _fault == "forks and continues":
    os.fork()


class Nothing(Params, frozen=True, kw_only=True):
    """No parameters."""


if _fault == "has a mutable default":

    class Shared(Params, frozen=True, kw_only=True):
        """A default list that all checks would share."""

        names: list[str] = ["all"]


@validator(Nothing)
def acts_at_import(params: Nothing, context: Context) -> Finding:
    """Pass after the import."""
    return passed("imported")
