"""Overrides: what is honoured, and everything that is not, each with its reason."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.finding import Finding, OnInconclusive, Outcome, Severity
from greenlight.verdict.override import (
    OverrideContext,
    StoredOverride,
    applicable_overrides,
    override_prefix,
    parse_override,
)

NOW = datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
SHA = "0123456789abcdef" * 4
URI = "s3://plans/overrides/shop/web/1.json"


def found(name: str, severity: str = "required-with-override", outcome: Outcome = Outcome.FAIL) -> Finding:
    return Finding(name=name, outcome=outcome, severity=Severity(severity), message="no")


FINDINGS = (
    found("orders work"),
    found("prices are right"),
    found("it is up", "required-with-override", Outcome.PASS),
    found("nobody dies", "blocking"),
    found("it is pretty", "advisory"),
)


def written(**changes: Any) -> dict[str, Any]:
    fields = {
        "schema": "greenlight.override/1",
        "who": "someone",
        "why": "the probe is broken",
        "created": (NOW - HOUR).isoformat(),
        "expires": (NOW + HOUR).isoformat(),
        "scope": {"deployment": "d-ABCDEF123"},
        "checks": ["orders work"],
        **changes,
    }
    return {key: value for key, value in fields.items() if value is not ...}


def stored(data: Any, stored_at: datetime.datetime = NOW - HOUR, uri: str = URI) -> StoredOverride:
    return StoredOverride(
        uri=uri,
        data=data if isinstance(data, bytes) else msgspec.json.encode(data),
        stored_at=stored_at,
        version_id="v1",
    )


def asked(
    *objects: StoredOverride, findings: tuple[Finding, ...] = FINDINGS, **changes: Any
) -> tuple[list[str], list[str]]:
    """Give the checks that are overridden, and the notes."""
    gate = OverrideContext(deployment="d-ABCDEF123", plan_sha256=SHA, findings=findings, now=NOW)
    granted, notes = applicable_overrides(objects, msgspec.structs.replace(gate, **changes))
    return [each.check for each in granted], list(notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"who": ...}, "malformed: Object missing required field `who`"),
        ({"why": ...}, "malformed: Object missing required field `why`"),
        ({"why": " \n"}, "malformed: 'why' is blank"),
        ({"who": ""}, "malformed: 'who' is blank"),
        ({"why": None}, "malformed: Expected `str`"),
        ({"schema": "greenlight.override/2"}, "malformed: Invalid enum value"),
        ({"schema": ...}, "malformed: Object missing required field `schema`"),
        ({"expires": ...}, "malformed: Object missing required field `expires`"),
        ({"expires": "never"}, "malformed: Invalid RFC3339"),
        ({"expires": "2026-11-23T13:00:00"}, "malformed: Expected `datetime` with a timezone"),
        ({"expires": 1795438800}, "malformed: Expected `datetime`"),
        ({"expires": (NOW - 2 * HOUR).isoformat()}, "malformed: it expires before it was created"),
        ({"expires": (NOW + 7 * DAY).isoformat()}, "malformed: it would be valid for more than 7 days"),
        ({"expires": NOW.isoformat()}, "it expired at 2026-11-23T12:00:00+00:00"),
        ({"created": (NOW + HOUR / 2).isoformat()}, "its creation time is in the future"),
        ({"scope": ...}, "malformed: Object missing required field `scope`"),
        ({"scope": {}}, "malformed: a scope is either one deployment or one plan_sha256"),
        ({"scope": {"deployment": "d-ABCDEF123", "plan_sha256": SHA}}, "malformed: a scope is either"),
        ({"scope": {"deployment": "*"}}, "malformed: Expected `str` matching regex"),
        ({"scope": {"deployment": ["d-ABCDEF123"]}}, "malformed: Expected `str | null`"),
        ({"scope": {"group": "web"}}, "malformed: Object contains unknown field `group`"),
        ({"scope": "everything"}, "malformed: Expected `object`"),
        ({"scope": {"deployment": "d-OTHER1234"}}, "it is for the deployment d-OTHER1234"),
        ({"scope": {"deployment": "d-abcdef123"}}, "it is for the deployment d-abcdef123"),
        ({"scope": {"plan_sha256": "0" * 64}}, "it is for the plan with the sha256 000"),
        ({"scope": {"plan_sha256": SHA[:12]}}, "malformed: Expected `str` matching regex"),
        ({"scope": {"plan_sha256": ""}}, "malformed: Expected `str` matching regex"),
        ({"checks": []}, "malformed: Expected `array` of length >= 1"),
        ({"checks": "orders work"}, "malformed: Expected `array`"),
        ({"checks": ["*"]}, "malformed: '*' does not name a check"),
        ({"checks": ["orders work", "*"]}, "malformed: '*' does not name a check"),
        ({"checks": ...}, "malformed: Object missing required field `checks`"),
        ({"checks": [f"c{n}" for n in range(21)]}, "malformed: Expected `array` of length <= 20"),
        ({"checks": ["orders *"]}, "for 'orders *': no check of this stage has this name"),
        ({"checks": ["Orders work"]}, "for 'Orders work': no check of this stage has this name"),
        ({"checks": ["nobody dies"]}, "for 'nobody dies': it is blocking, and only a required-with-override check"),
        ({"checks": ["it is pretty"]}, "for 'it is pretty': it is advisory, and only"),
        ({"force": True}, "malformed: Object contains unknown field `force`"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_an_override_that_does_not_fit_in_every_word_is_not_honoured_and_says_why(
    changes: dict[str, Any], said: str
) -> None:
    overridden, notes = asked(stored(written(**changes)))

    assert overridden == []
    (note,) = notes
    assert note.startswith(f"the override {URI} is not honoured")
    assert said in note


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"{}", b"NaN"], ids=repr
)
def test_what_is_no_override_at_all_is_a_note(data: bytes) -> None:
    overridden, notes = asked(stored(data))

    assert overridden == []
    assert "it is malformed" in notes[0]


def test_an_override_written_long_before_it_was_to_begin_does_not_hold_longer_than_one_written_now() -> None:
    long_ago = stored(written(), stored_at=NOW - 8 * DAY)

    overridden, notes = asked(long_ago)

    assert overridden == []
    assert "it was stored at 2026-11-15T12:00:00+00:00 and would be valid for more than 7 days from then" in notes[0]


def test_an_override_that_fits_is_honoured_for_its_check_alone() -> None:
    assert asked(stored(written())) == (["orders work"], [])


def test_an_override_may_be_for_one_text_of_a_plan() -> None:
    override = stored(written(scope={"plan_sha256": SHA}))

    assert asked(override) == (["orders work"], [])
    assert asked(override, deployment="d-OTHER1234") == (["orders work"], [])
    assert asked(override, plan_sha256="")[0] == []


@pytest.mark.parametrize("ahead", [datetime.timedelta(0), datetime.timedelta(minutes=5)], ids=["now", "clocks differ"])
def test_a_clock_that_is_a_little_ahead_is_borne(ahead: datetime.timedelta) -> None:
    assert asked(stored(written(created=(NOW + ahead).isoformat())))[0] == ["orders work"]


def test_the_longest_override_holds_until_its_last_moment() -> None:
    created = NOW - 7 * DAY + datetime.timedelta(seconds=1)
    longest = written(created=created.isoformat(), expires=(created + 7 * DAY).isoformat())

    assert asked(stored(longest, stored_at=created))[0] == ["orders work"]


def test_a_time_is_read_with_its_offset() -> None:
    assert asked(stored(written(expires="2026-11-23T14:00:00+02:00")))[0] == []
    assert asked(stored(written(expires="2026-11-23T14:00:01+02:00")))[0] == ["orders work"]


def test_a_check_that_passes_needs_no_override_and_uses_none() -> None:
    assert asked(stored(written(checks=["it is up"]))) == ([], [])


def test_each_check_has_one_override_the_first_that_fits_and_in_the_order_of_the_plan() -> None:
    gate = OverrideContext(deployment="d-ABCDEF123", plan_sha256=SHA, findings=FINDINGS, now=NOW)
    objects = (
        stored(written(expires=NOW.isoformat()), uri="old"),
        stored(written(checks=["prices are right", "orders work"]), uri="one"),
        stored(written(who="another"), uri="two"),
    )

    granted, notes = applicable_overrides(objects, gate)

    assert [(each.check, each.uri, each.who) for each in granted] == [
        ("orders work", "one", "someone"),
        ("prices are right", "one", "someone"),
    ]
    assert (granted[0].scope, granted[0].version_id, granted[0].why) == (
        "deployment d-ABCDEF123",
        "v1",
        "the probe is broken",
    )
    assert len(notes) == 1


def test_an_inconclusive_that_the_plan_tolerates_asks_for_no_override() -> None:
    tolerated = msgspec.structs.replace(FINDINGS[0], outcome=Outcome.INCONCLUSIVE)
    assert asked(stored(written()), findings=(tolerated,))[0] == ["orders work"]

    tolerated = msgspec.structs.replace(tolerated, on_inconclusive=OnInconclusive.TOLERATE)
    assert asked(stored(written()), findings=(tolerated,))[0] == []


@given(
    st.dictionaries(
        st.sampled_from(sorted(written())),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.text(),
            st.lists(st.text()),
            st.dictionaries(st.text(), st.text()),
        ),
        min_size=1,
    )
)
def test_an_override_of_any_other_shape_opens_nothing_that_it_does_not_name(changes: dict[str, Any]) -> None:
    data = msgspec.json.encode({**written(), **changes})
    override, why = parse_override(data)

    assert (override is None) == bool(why)
    for name in asked(stored(data))[0]:
        assert override is not None
        assert name in override.checks
        assert override.scope == msgspec.convert(written()["scope"], type(override.scope))


def test_folders_of_two_groups_are_never_one_inside_the_other() -> None:
    names = ["shop", "shop/web", "web", "a b", "..", "%2F", "a/../b", "*"]
    folders = [override_prefix(application, group) for application, group in itertools.product(names, names)]

    assert len(set(folders)) == len(folders)
    assert all(one == other or not one.startswith(other) for one, other in itertools.product(folders, folders))
    assert override_prefix("shop", "web") == "overrides/shop/web/"
    assert override_prefix("", "web") == override_prefix("shop", "") == ""


@pytest.mark.parametrize(
    ("created", "expires"),
    [
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:01+23:59"),
        ("9999-12-31T23:59:58-23:59", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_a_moment_that_utc_does_not_have_spoils_no_other_override(created: str, expires: str) -> None:
    overridden, notes = asked(stored(written(created=created, expires=expires)), stored(written(), uri=f"{URI}-good"))
    assert overridden == ["orders work"]
    assert "is beyond the years 1 to 9999 in UTC" in notes[0]
