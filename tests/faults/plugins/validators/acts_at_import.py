"""acts_at_import: passes, if the gate gets beyond what its import does."""

import os
import time

from greenlight.api import Context, Finding, Params, passed, validator

_how = os.environ["AT_IMPORT"]
if _how == "raises":
    raise ValueError("on purpose")
if _how == "exits at once":
    os._exit(0)
if _how == "hangs":
    time.sleep(3600)
if _how == "prints":
    os.write(1, b'{"outcome": "PASS", "name": "bad"}\n' * 10_000)
if _how == "forks" and os.fork() == 0:
    time.sleep(3600)
if _how == "forks and goes on":
    os.fork()


class Nothing(Params, frozen=True, kw_only=True):
    """No parameters."""


if _how == "shares a default":

    class Shared(Params, frozen=True, kw_only=True):
        """A list that every check would share."""

        names: list[str] = ["all"]


@validator(Nothing)
def acts_at_import(params: Nothing, context: Context) -> Finding:
    """It was imported."""
    return passed("imported")
