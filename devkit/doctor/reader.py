"""Reading an account: every question is asked once, and what may not be read says which permission it needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from devkit.doctor.rules import symptom
from greenlight.aws.client import Aws, iam_action
from greenlight.core.errors import AwsError, GreenlightError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from devkit.doctor.rules import Symptom

T = TypeVar("T")
DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "AccessDeniedFault",
    "403",
)


class UnseenError(AwsError):
    """Something that could not be looked at; `needs` is the permission, "" where none is missing."""

    def __init__(self, error: AwsError, action: str) -> None:
        """Keep what AWS said."""
        self.needs = action if error.code in DENIED else ""
        said = f"you may not call {action}" if self.needs else str(error)
        super().__init__(said, error.code)


class Reader(Aws):
    """An account that answers the same question once, refusals included."""

    def __init__(self, session: Any = None) -> None:
        """Read with `session`, as `Aws` does."""
        super().__init__(session)
        self._known: dict[str, Any] = {}

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one call.

        Raises:
            UnseenError: AWS refused, throttled or did not answer.
        """
        answer: dict[str, Any] = self._once(
            (service, operation, ""), parameters, lambda: Aws.call(self, service, operation, **parameters)
        )
        return answer

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        """Make a paged call and give all of `key`.

        Raises:
            UnseenError: As for `call`.
        """
        answer: list[Any] = self._once(
            (service, operation, key), parameters, lambda: Aws.pages(self, service, operation, key, **parameters)
        )
        return answer

    def found(self, service: str, operation: str, absent: Iterable[str], /, **parameters: Any) -> dict[str, Any] | None:
        """Make one call; None where AWS answers with one of the codes `absent`, for there is no such thing.

        Raises:
            UnseenError: As for `call`.
        """
        try:
            return self.call(service, operation, **parameters)
        except UnseenError as error:
            if error.code in absent:
                return None
            raise

    def _once(self, name: tuple[str, str, str], parameters: dict[str, Any], ask: Callable[[], Any]) -> Any:
        key = json.dumps((name, parameters), sort_keys=True, default=str)
        if key not in self._known:
            try:
                self._known[key] = ask()
            except AwsError as error:
                self._known[key] = UnseenError(error, iam_action(name[0], name[1]))
        if isinstance(self._known[key], UnseenError):
            raise self._known[key]
        return self._known[key]


def run_check(what: str, check: Callable[[], Iterable[Symptom]]) -> Iterator[Symptom]:
    """Give what `check` finds, and where it cannot look on, that: a doctor without sight of one thing looks at the others.

    Args:
        what: What is looked at, as the object of a sentence.
        check: Finds symptoms.
    """
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - an answer that lacks what it should have hides one thing, not all others
        yield unseen(what, error)


def tried(what: str, read: Callable[[], T], otherwise: T, missed: list[Symptom]) -> T:
    """Give what `read` reads, or `otherwise`, and then put into `missed` why `what` could not be looked at."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - as above
        missed.append(unseen(what, error))
        return otherwise


def unseen(what: str, error: Exception) -> Symptom:
    """Say that something could not be looked at, and which permission that needs."""
    needs = getattr(error, "needs", "")
    fix = f"allow {needs} to whoever runs this, and run it again" if needs else "mend that, and run it again"
    ours = isinstance(error, GreenlightError)
    why = str(error) if ours else f"AWS's answer is not as expected ({type(error).__name__}: {error})"
    return symptom("could-not-look", f"{what} could not be looked at: {why}", fix=fix)
