"""Users' traffic: a steady and bounded stream of requests that counts its failures."""

from __future__ import annotations

import threading
import time

import pytest

from devkit.rehearsal.users import TrafficGate, UserTraffic


def test_failures_are_counted_and_given_as_a_percentage() -> None:
    answers = iter([True, False] * 500)
    lock, requests = threading.Lock(), threading.Semaphore(0)

    def ask() -> bool:
        with lock:
            requests.release()
            return next(answers)

    users = UserTraffic(ask, rate=200)
    began = time.monotonic()
    users.start()
    assert all(requests.acquire(timeout=5) for _ in range(30))
    users.pause(5)
    users.stop()
    assert 30 <= users.requests <= (time.monotonic() - began) * 200 + 1
    assert users.errors == users.requests // 2
    assert users.errors_percent(60) == pytest.approx(50, abs=5)


def test_exception_in_a_request_counts_as_an_error() -> None:
    requests = threading.Event()

    def ask() -> bool:
        requests.set()
        raise OSError("connection reset")

    users = UserTraffic(ask, rate=50)
    users.start()
    assert requests.wait(5)
    users.pause(5)
    users.stop()
    assert users.errors == users.requests > 0


def test_pause_waits_for_running_requests_and_starts_no_others() -> None:
    began, ended = threading.Event(), threading.Event()

    def ask() -> bool:
        began.set()
        time.sleep(0.1)
        ended.set()
        return True

    users = UserTraffic(ask, rate=100)
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


def test_requests_that_could_not_be_sent_in_time_are_not_sent_later() -> None:
    release = threading.Event()
    users = UserTraffic(lambda: release.wait(30), rate=200)
    users.start()
    time.sleep(1.3)
    released = time.monotonic()
    release.set()
    time.sleep(0.05)
    users.stop()
    assert users.requests <= 16 + (1 + time.monotonic() - released) * 200  # those of the last second are made up for


def test_rate_of_zero_sends_no_requests() -> None:
    users = UserTraffic(lambda: True, rate=0)
    users.start()
    users.pause(1)
    users.resume()
    users.stop()
    assert users.requests == 0


def test_closed_gate_lets_no_request_pass() -> None:
    gate = TrafficGate()
    passed = threading.Event()

    def go() -> None:
        with gate.pass_through():
            passed.set()

    with gate.closed():
        threading.Thread(target=go, daemon=True).start()
        assert not passed.wait(0.1)
    assert passed.wait(10)
