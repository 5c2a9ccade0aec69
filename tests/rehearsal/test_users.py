"""The users: a steady and bounded stream that counts what it meets."""

from __future__ import annotations

import threading
import time

import pytest

from devkit.rehearsal.users import Gate, Users


def test_failures_are_counted_and_become_a_share() -> None:
    answers = iter([True, False] * 500)
    lock, some = threading.Lock(), threading.Semaphore(0)

    def ask() -> bool:
        with lock:
            some.release()
            return next(answers)

    users = Users(ask, rate=200)
    began = time.monotonic()
    users.start()
    assert all(some.acquire(timeout=5) for _ in range(30))
    users.pause(5)
    users.stop()
    assert 30 <= users.requests <= (time.monotonic() - began) * 200 + 1
    assert users.errors == users.requests // 2
    assert users.errors_percent(60) == pytest.approx(50, abs=5)


def test_a_user_who_meets_an_exception_has_met_an_error() -> None:
    asked = threading.Event()

    def ask() -> bool:
        asked.set()
        raise OSError("connection reset")

    users = Users(ask, rate=50)
    users.start()
    assert asked.wait(5)
    users.pause(5)
    users.stop()
    assert users.errors == users.requests > 0


def test_during_a_pause_nobody_asks_and_those_under_way_are_waited_for() -> None:
    began, ended = threading.Event(), threading.Event()

    def ask() -> bool:
        began.set()
        time.sleep(0.1)
        ended.set()
        return True

    users = Users(ask, rate=100)
    users.start()
    assert began.wait(5)
    users.pause(5)
    assert ended.is_set()
    before = users.requests
    began.clear()
    assert not began.wait(0.15)
    assert users.requests == before
    users.resume()
    assert began.wait(5)
    users.stop()


def test_users_who_cannot_be_served_in_time_are_not_saved_up() -> None:
    release = threading.Event()
    users = Users(lambda: release.wait(30), rate=200)
    users.start()
    time.sleep(1.3)
    released = time.monotonic()
    release.set()
    time.sleep(0.05)
    users.stop()
    assert users.requests <= 16 + (1 + time.monotonic() - released) * 200  # what a second missed is made up for


def test_no_rate_is_no_users() -> None:
    users = Users(lambda: True, rate=0)
    users.start()
    users.pause(1)
    users.resume()
    users.stop()
    assert users.requests == 0


def test_nobody_passes_a_gate_that_is_shut() -> None:
    gate = Gate()
    passed = threading.Event()

    def go() -> None:
        with gate.passing():
            passed.set()

    with gate.shut():
        threading.Thread(target=go, daemon=True).start()
        assert not passed.wait(0.1)
    assert passed.wait(10)
