"""Publish a report through every channel the operator chose: bucket, event bus, topic, index and page."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from greenlight.aws.deadline import run_with_deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenlight.aws.client import Aws
    from greenlight.core.report import Report
    from greenlight.core.settings import Settings


class ChannelLog(Protocol):
    """The log that channels write to."""

    def info(self, message: str, **keys: Any) -> None:
        """Write a log line."""

    def failed(self, step: str, error: Exception) -> None:
        """Log that a channel failed."""


class Channel(NamedTuple):
    """One place for a report: its log message, the log key of its result, and the call with the report's URI."""

    message: str
    key: str
    publish: Callable[[str], str]


def publish_report(aws: Aws, settings: Settings, report: Report, deadline: float, log: ChannelLog) -> int:
    """Publish the report and return how many channels failed; a channel never affects another one.

    Index and page come last and only for a stored report: they are optional, and the bucket has just worked. A report
    that the last resort has stored before was published by then.

    Args:
        aws: AWS clients.
        settings: Where to publish.
        report: The report.
        deadline: `time.monotonic()` by which all channels must have ended; each gets an equal share of the time.
        log: Receives a line for each channel.

    Raises:
        AlreadyStoredError: The last resort has stored its report of this gate before.
    """
    from greenlight.publish import index, s3

    uri, failures = publish_channels(_channels(aws, settings, report), deadline, log)
    if uri:
        bucket = settings.report_bucket
        entry = Channel("index written", "uri", functools.partial(index.store, aws, bucket, report))
        failures += _publish(entry, uri, _share(deadline, 1 / 2), log) is None
        page = Channel("page stored", "uri", lambda _uri: s3.store_page(aws, bucket, report))
        _publish(page, uri, deadline, log)  # the report can be rendered again, so this failure does not count
    return failures


def publish_channels(channels: Sequence[Channel], deadline: float, log: ChannelLog) -> tuple[str, int]:
    """Publish through channels, each with an equal share of the time; return the report's URI and the failures."""
    uri, failures = "", 0
    for position, channel in enumerate(channels):
        result = _publish(channel, uri, _share(deadline, 1 / (len(channels) - position)), log)
        failures += result is None
        uri = result if result and channel.key == "uri" else uri
    return uri, failures


def _channels(aws: Aws, settings: Settings, report: Report) -> list[Channel]:
    from greenlight.publish import eventbridge, s3, sns

    channels = []
    if settings.report_bucket:
        channels.append(Channel("report stored", "uri", lambda _uri: s3.store(aws, settings.report_bucket, report)))
    if settings.event_bus:
        channels.append(Channel("event put", "id", functools.partial(eventbridge.put, aws, settings.event_bus, report)))
    if settings.notice_topic and (settings.notice_on == "all" or not report.clean):
        channels.append(Channel("notice sent", "id", functools.partial(sns.notify, aws, settings.notice_topic, report)))
    return channels


def _share(deadline: float, share: float) -> float:
    """Return the moment at which `share` of the time until `deadline` has passed."""
    now = time.monotonic()
    return now + (deadline - now) * share


def _publish(channel: Channel, uri: str, deadline: float, log: ChannelLog) -> str | None:
    """Return what the channel returned; None if it failed or did not end by `deadline`."""
    from greenlight.publish.s3 import AlreadyStoredError

    try:
        result = run_with_deadline(deadline, lambda: channel.publish(uri), f"not done: {channel.message}")
    except AlreadyStoredError:
        raise
    except Exception as error:  # noqa: BLE001 - no channel matters to the verdict or to another channel
        log.failed(channel.message, error)
        return None
    log.info(channel.message, **{channel.key: result})
    return result
