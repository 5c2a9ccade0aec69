"""Alarms of the deployment group: evaluation of their state, which is also set in moto's CloudWatch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .aws.server import LocalAws
    from .scenario import Alarm
    from .users import UserTraffic

_INTERVAL_S = 0.1


class Alarms:
    """Alarms of one scenario. moto stores the state of an alarm but does not evaluate it."""

    def __init__(self, aws: LocalAws, alarms: Sequence[Alarm], minute_s: float, users: UserTraffic) -> None:
        """Create the alarms in CloudWatch."""
        self._alarms = alarms
        self._minute_s = minute_s
        self._users = users
        self._started = time.monotonic()
        self._checked_at = 0.0
        self._active: list[str] = []
        self._cloudwatch = aws.client("cloudwatch")
        for alarm in alarms:
            self._cloudwatch.put_metric_alarm(
                AlarmName=alarm.name,
                Namespace="Rehearsal",
                MetricName="UsersErrors",
                Statistic="Average",
                Period=60,
                EvaluationPeriods=1,
                Threshold=alarm.errors_percent or 0.0,
                ComparisonOperator="GreaterThanThreshold",
            )

    def deployment_started(self) -> None:
        """Restart the clock of alarms that begin at a time of the deployment."""
        self._started = time.monotonic()
        self._checked_at = 0.0

    def active(self) -> list[str]:
        """Return the names of the alarms that are in ALARM now."""
        now = time.monotonic()
        if self._alarms and now - self._checked_at >= _INTERVAL_S:
            self._checked_at = now
            active = [alarm.name for alarm in self._alarms if self._in_alarm(alarm, now)]
            for name in {*active} ^ {*self._active}:
                state = "ALARM" if name in active else "OK"
                self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="rehearsal")
            self._active = active
        return list(self._active)

    def _in_alarm(self, alarm: Alarm, now: float) -> bool:
        if alarm.errors_percent is not None:
            # Use at least one second: a shorter minute has too few requests for a percentage.
            return self._users.errors_percent(max(self._minute_s, 1.0)) > alarm.errors_percent
        if alarm.at is not None:
            return now - self._started >= alarm.at / 60 * self._minute_s
        return True
