"""Access to an account that sends each request once, and reports the permission that a refused request needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from greenlight.aws.client import DENIED, Aws, iam_action
from greenlight.core.errors import AwsError, GreenlightError

from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .rules import Symptom

T = TypeVar("T")
_DENIED = (*DENIED, "403")  # a HEAD request of S3 has only the status


class UnseenError(AwsError):
    """Error of a resource that could not be read; `needs` is the missing permission, "" for another reason."""

    def __init__(self, error: AwsError, action: str) -> None:
        """Keep the error of AWS, or name `action` where access was denied."""
        self.needs = action if error.code in _DENIED else ""
        super().__init__(f"access denied to {action}" if self.needs else str(error), error.code)


class Reader(Aws):
    """An account whose answers, refusals included, are cached for the run."""

    def __init__(self, session: Any = None) -> None:
        """Read with `session`, as `Aws` does."""
        super().__init__(session)
        self._cache: dict[str, Any] = {}

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Send one request and return the response.

        Raises:
            UnseenError: AWS refused, throttled or did not answer.
        """
        response: dict[str, Any] = self._cached(
            (service, operation, ""), parameters, lambda: Aws.call(self, service, operation, **parameters)
        )
        return response

    def call_for(self, service: str, operation: str, member: str, /, **parameters: Any) -> dict[str, Any]:
        """Send one request whose response must have this member, and return the response.

        Raises:
            UnseenError: As for `call`.
        """
        response: dict[str, Any] = self._cached(
            (service, operation, member),
            parameters,
            lambda: Aws.call_for(self, service, operation, member, **parameters),
        )
        return response

    def read_object(self, bucket: str, key: str, max_bytes: int, *, version: str = "") -> tuple[bytes, dict[str, Any]]:
        """Return the first bytes of an object in S3, as `Aws.read_object` does, and the response.

        Raises:
            UnseenError: As for `call`.
        """
        parameters = {"Bucket": bucket, "Key": key, "max_bytes": max_bytes, "version": version}
        stored_object: tuple[bytes, dict[str, Any]] = self._cached(
            ("s3", "get_object", "Body"),
            parameters,
            lambda: Aws.read_object(self, bucket, key, max_bytes, version=version),
        )
        return stored_object

    def pages(self, service: str, operation: str, key: str, /, **parameters: Any) -> list[Any]:
        """Send a paginated request and return all items of `key`.

        Raises:
            UnseenError: As for `call`.
        """
        items: list[Any] = self._cached(
            (service, operation, key), parameters, lambda: Aws.pages(self, service, operation, key, **parameters)
        )
        return items

    def find(self, service: str, operation: str, absent: Iterable[str], /, **parameters: Any) -> dict[str, Any] | None:
        """Send one request; return None if AWS answers with one of the error codes `absent`.

        Raises:
            UnseenError: As for `call`.
        """
        try:
            return self.call(service, operation, **parameters)
        except UnseenError as error:
            if error.code in absent:
                return None
            raise

    def _cached(self, name: tuple[str, str, str], parameters: dict[str, Any], send: Callable[[], Any]) -> Any:
        key = json.dumps((name, parameters), sort_keys=True, default=str)
        if key not in self._cache:
            try:
                self._cache[key] = send()
            except AwsError as error:
                self._cache[key] = UnseenError(error, iam_action(name[0], name[1]))
        if isinstance(self._cache[key], UnseenError):
            raise self._cache[key]
        return self._cache[key]


def run_check(subject: str, check: Callable[[], Iterable[Symptom]]) -> Iterator[Symptom]:
    """Run one check and turn its errors into a symptom, so that one failing check does not hide the others.

    Args:
        subject: The resource that is read, as the subject of a sentence.
        check: Returns symptoms.
    """
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - an incomplete answer of AWS must end one check only
        yield could_not_look(subject, error)


def read_or_default(subject: str, read: Callable[[], T], default: T, symptoms: list[Symptom]) -> T:
    """Return the result of `read`; on an error add a symptom about `subject` and return `default`."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - as in run_check
        symptoms.append(could_not_look(subject, error))
        return default


def could_not_look(subject: str, error: Exception) -> Symptom:
    """Build the symptom for a resource that could not be read, with the missing permission."""
    needs = getattr(error, "needs", "")
    fix = f"allow {needs} for the identity that runs this command, and run it again"
    reason = str(error)
    if not isinstance(error, GreenlightError):
        reason = f"unexpected response from AWS ({type(error).__name__}: {error})"
    return make_symptom(
        "could-not-look",
        f"{subject} could not be read: {reason}",
        fix=fix if needs else "correct the cause, and run the command again",
    )
