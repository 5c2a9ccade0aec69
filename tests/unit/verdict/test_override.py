"""Overrides: those that apply, and those that are not honoured, with their reasons."""

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
    found("orders are counted", "blocking"),
    found("it is pretty", "advisory"),
)


def raw_override(**changes: Any) -> dict[str, Any]:
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


def overridden_by(
    *objects: StoredOverride, findings: tuple[Finding, ...] = FINDINGS, **changes: Any
) -> tuple[list[str], list[str]]:
    """Return the names of the checks that are overridden, and the notes."""
    gate = OverrideContext(deployment="d-ABCDEF123", plan_sha256=SHA, findings=findings, now=NOW)
    applied, notes = applicable_overrides(objects, msgspec.structs.replace(gate, **changes))
    return [applied_override.check for applied_override in applied], list(notes)


INVISIBLE = [
    "\u200b",
    "\u3164",
    "\u00ad\u2060",
    "\u115f\u1160",
    "\u2800",
    "\u0301",
    "\ufe0f",
    "\u202e",
    "\x00",
    "\ue000",
]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"who": ...}, "malformed: Object missing required field `who`"),
        ({"why": ...}, "malformed: Object missing required field `why`"),
        ({"why": " \n"}, "malformed: 'why' is blank"),
        ({"who": ""}, "malformed: 'who' is blank"),
        *[({"who": text}, "malformed: 'who' is blank") for text in INVISIBLE],
        *[({"why": text}, "malformed: 'why' is blank") for text in INVISIBLE],
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
        (
            {"checks": ["orders are counted"]},
            "for 'orders are counted': it is blocking, and only a required-with-override check",
        ),
        ({"checks": ["it is pretty"]}, "for 'it is pretty': it is advisory, and only"),
        ({"force": True}, "malformed: Object contains unknown field `force`"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_an_override_that_does_not_fit_is_not_honoured_and_the_note_has_the_reason(
    changes: dict[str, Any], message: str
) -> None:
    overridden, notes = overridden_by(stored(raw_override(**changes)))

    assert overridden == []
    (note,) = notes
    assert note.startswith(f"the override {URI} is not honoured")
    assert message in note


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"{}", b"NaN"], ids=repr
)
def test_a_malformed_object_is_reported_in_a_note(data: bytes) -> None:
    overridden, notes = overridden_by(stored(data))

    assert overridden == []
    assert "it is malformed" in notes[0]


def test_an_override_stored_long_ago_is_not_valid_longer_than_a_new_one() -> None:
    long_ago = stored(raw_override(), stored_at=NOW - 8 * DAY)

    overridden, notes = overridden_by(long_ago)

    assert overridden == []
    assert "it was stored at 2026-11-15T12:00:00+00:00 and would be valid for more than 7 days from then" in notes[0]


@pytest.mark.parametrize(
    "repeated",
    [b'"checks": ["prices are right"], "checks": ["orders work"]', b'"who": "someone", "who": "someone"'],
)
def test_override_that_repeats_a_key_is_not_honoured(repeated: bytes) -> None:
    key = repeated.split(b'"')[1].decode()
    raw = msgspec.json.encode(raw_override(**{key: ...}))
    names, notes = overridden_by(stored(raw[:-1] + b", " + repeated + b"}"))
    assert names == []
    assert f"it is malformed: it has the JSON key '{key}' twice in one object" in notes[0]


def test_override_that_repeats_a_key_of_its_scope_is_not_honoured() -> None:
    raw = msgspec.json.encode(raw_override()).replace(b'"scope":{', b'"scope":{"deployment":"d-OTHER1234",')
    names, notes = overridden_by(stored(raw))
    assert (names, "'deployment' twice" in notes[0]) == ([], True)


def test_an_override_applies_to_its_check_alone() -> None:
    assert overridden_by(stored(raw_override())) == (["orders work"], [])


def test_an_override_may_apply_to_the_digest_of_a_plan() -> None:
    override = stored(raw_override(scope={"plan_sha256": SHA}))

    assert overridden_by(override) == (["orders work"], [])
    assert overridden_by(override, deployment="d-OTHER1234") == (["orders work"], [])
    assert overridden_by(override, plan_sha256="")[0] == []


@pytest.mark.parametrize("ahead", [datetime.timedelta(0), datetime.timedelta(minutes=5)], ids=["now", "clocks differ"])
def test_a_clock_that_is_slightly_ahead_is_tolerated(ahead: datetime.timedelta) -> None:
    assert overridden_by(stored(raw_override(created=(NOW + ahead).isoformat())))[0] == ["orders work"]


def test_the_longest_override_is_valid_until_its_end() -> None:
    created = NOW - 7 * DAY + datetime.timedelta(seconds=1)
    longest = raw_override(created=created.isoformat(), expires=(created + 7 * DAY).isoformat())

    assert overridden_by(stored(longest, stored_at=created))[0] == ["orders work"]


def test_a_time_is_read_with_its_offset() -> None:
    assert overridden_by(stored(raw_override(expires="2026-11-23T14:00:00+02:00")))[0] == []
    assert overridden_by(stored(raw_override(expires="2026-11-23T14:00:01+02:00")))[0] == ["orders work"]


def test_a_passing_check_uses_no_override() -> None:
    assert overridden_by(stored(raw_override(checks=["it is up"]))) == ([], [])


def test_the_first_override_that_fits_applies_to_a_check_in_the_order_of_the_plan() -> None:
    gate = OverrideContext(deployment="d-ABCDEF123", plan_sha256=SHA, findings=FINDINGS, now=NOW)
    objects = (
        stored(raw_override(expires=NOW.isoformat()), uri="old"),
        stored(raw_override(checks=["prices are right", "orders work"]), uri="one"),
        stored(raw_override(who="another"), uri="two"),
    )

    applied, notes = applicable_overrides(objects, gate)

    assert [(applied_override.check, applied_override.uri, applied_override.who) for applied_override in applied] == [
        ("orders work", "one", "someone"),
        ("prices are right", "one", "someone"),
    ]
    assert (applied[0].scope, applied[0].version_id, applied[0].why) == (
        "deployment d-ABCDEF123",
        "v1",
        "the probe is broken",
    )
    assert len(notes) == 1


def test_a_tolerated_inconclusive_uses_no_override() -> None:
    tolerated = msgspec.structs.replace(FINDINGS[0], outcome=Outcome.INCONCLUSIVE)
    assert overridden_by(stored(raw_override()), findings=(tolerated,))[0] == ["orders work"]

    tolerated = msgspec.structs.replace(tolerated, on_inconclusive=OnInconclusive.TOLERATE)
    assert overridden_by(stored(raw_override()), findings=(tolerated,))[0] == []


@given(
    st.dictionaries(
        st.sampled_from(sorted(raw_override())),
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
def test_an_override_of_any_shape_applies_only_to_checks_that_it_names(changes: dict[str, Any]) -> None:
    data = msgspec.json.encode({**raw_override(), **changes})
    override, why = parse_override(data)

    assert (override is None) == bool(why)
    for name in overridden_by(stored(data))[0]:
        assert override is not None
        assert name in override.checks
        assert override.scope == msgspec.convert(raw_override()["scope"], type(override.scope))


def test_the_prefix_of_one_group_never_contains_that_of_another() -> None:
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
def test_an_override_with_a_time_out_of_range_does_not_affect_others(created: str, expires: str) -> None:
    overridden, notes = overridden_by(
        stored(raw_override(created=created, expires=expires)), stored(raw_override(), uri=f"{URI}-good")
    )
    assert overridden == ["orders work"]
    assert "is beyond the years 1 to 9999 in UTC" in notes[0]
