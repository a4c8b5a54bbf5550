"""The event board's decisions: which case a sign joins, what may become of a case, when a rule speaks, and when it is held."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.registry.alarms.kinds import Severity
from services.registry.cases import kinds, machine, sources
from services.registry.cases.joining import Candidate, Sign, case_of, distance_m
from services.registry.cases.machine import State
from services.registry.cases.rules import Facts, Limits, NewRule, When, applies, held

NOW = datetime.datetime(2026, 5, 1, 8, tzinfo=datetime.UTC)
PLACE = (29.5332, 106.503, 245.0)
SIGN = Sign(
    source="finding",
    source_id="1",
    kind="stopped_vehicle",
    site_id="hill",
    severity=Severity.MAJOR,
    at=NOW,
    place=PLACE,
    spot="gate_0",
)
CASE = Candidate(7, "obstruction", "hill", "", PLACE, NOW - datetime.timedelta(seconds=60))


def minutes(count: float) -> datetime.timedelta:
    return datetime.timedelta(minutes=count)


def north(metres: float, up_m: float = 0.0) -> tuple[float, float, float]:
    return PLACE[0] + metres / 111_320.0, PLACE[1], PLACE[2] + up_m


def test_a_sign_joins_what_is_of_its_kind_near_and_recent() -> None:
    assert case_of(SIGN, [CASE]) == 7
    assert case_of(replace(SIGN, kind="accident", source="citizen"), [CASE]) == 7  # another word for the same kind of case
    assert case_of(replace(SIGN, kind="sudden_queue"), [CASE]) is None
    assert case_of(replace(SIGN, site_id="valley"), [CASE]) is None


def test_a_sign_too_far_or_too_late_is_a_case_of_its_own() -> None:
    kind = kinds.KINDS["obstruction"]
    for metres, found in ((kind.radius_m - 1, 7), (kind.radius_m + 1, None)):
        assert case_of(replace(SIGN, place=north(metres)), [CASE]) == found
    late = CASE.last_sign + datetime.timedelta(seconds=kind.joining_s)
    assert case_of(replace(SIGN, at=late), [CASE]) == 7
    assert case_of(replace(SIGN, at=late + minutes(1)), [CASE]) is None


def test_what_is_on_another_deck_is_not_near() -> None:
    assert case_of(replace(SIGN, place=north(0, up_m=5.5)), [CASE]) is None
    assert case_of(replace(SIGN, place=(*north(0)[:2], None)), [CASE]) == 7  # nobody knows on which


def test_the_same_spot_needs_no_place_and_the_nearest_case_wins() -> None:
    assert case_of(replace(SIGN, place=None), [replace(CASE, place=None, spot="gate_0")]) == 7
    assert case_of(replace(SIGN, place=None), [replace(CASE, place=None, spot="gate_1")]) is None
    near, far = replace(CASE, case_id=8, place=north(5)), replace(CASE, case_id=9, place=north(30))
    assert case_of(SIGN, [far, near]) == 8


def test_of_devices_only_the_same_one_is_joined() -> None:
    silent = replace(SIGN, kind="offline", spot="rsu-1")
    case = replace(CASE, kind="device", spot="rsu-2")
    assert case_of(silent, [replace(case, place=north(1))]) is None
    assert case_of(silent, [replace(case, spot="rsu-1", place=None)]) == 7


def test_a_finding_of_a_severity_that_nobody_knows_is_a_warning() -> None:
    place = {"latitude_deg": 29.5, "longitude_deg": 106.5, "elevation_m": None}
    row = {
        "time": NOW,
        "site_id": "hill",
        "finding_id": "7",
        "kind": "debris",
        "state": "over",
        "since": NOW - minutes(3),
        **place,
    }
    for severity, found in (("critical", Severity.CRITICAL), ("apocalyptic", Severity.WARNING)):
        news = sources._of_finding({**row, "severity": severity, "spot": "gate_0", "text": "debris", "detail": {}})
        assert (news.sign.severity, news.sign.at, news.at, news.is_over) == (found, NOW - minutes(3), NOW, True)


def test_very_many_devices_at_once_have_one_cause() -> None:
    silent = replace(SIGN, kind="offline", spot="rsu-99", place=None)
    storm = kinds.KINDS["device"].storm
    cases = [Candidate(number, "device", "hill", f"rsu-{number}", None, NOW - minutes(4)) for number in range(1, storm + 1)]
    assert case_of(silent, cases[:-1]) is None
    assert case_of(silent, cases) == storm
    assert case_of(replace(silent, spot="rsu-3"), cases) == 3
    assert case_of(replace(silent, at=NOW + minutes(5)), cases) is None
    elsewhere = [replace(one, site_id="valley") for one in cases[:5]]
    assert case_of(silent, cases[5:] + elsewhere) is None


def test_distances_are_in_metres() -> None:
    assert distance_m(PLACE, north(100)) == pytest.approx(100, rel=1e-6)
    assert distance_m(PLACE, (PLACE[0], PLACE[1] + 0.001, None)) == pytest.approx(96.9, rel=1e-3)  # cos 29.5° of 111.32 m


def test_every_sign_is_of_one_kind_and_strange_ones_are_of_the_last() -> None:
    signs = [sign for kind in kinds.KINDS.values() for sign in kind.signs]
    assert len(signs) == len(set(signs))
    assert {kinds.kind_of(sign).name for sign in kinds.REPORTABLE} <= set(kinds.KINDS)
    assert kinds.kind_of("offline").name == "device"
    assert kinds.kind_of("never heard of").name == kinds.OTHER


def test_what_may_become_of_a_case() -> None:
    assert machine.may_follow(State.OPEN, State.ACTING)
    assert machine.may_follow(State.RESOLVED, State.OPEN)
    assert not machine.may_follow(State.OPEN, State.CLOSED)  # somebody has to say first that it is over
    for end in (State.CLOSED, State.DISMISSED):
        assert not any(machine.may_follow(end, after) for after in State)
    assert machine.allowed(State.CLOSED) == "nothing: closed is its end"


def test_a_rule_speaks_when_all_that_it_asks_for_is_so() -> None:
    when = When(kinds=["congestion"], least=Severity.WARNING, least_signs=2, lasting_s=300)
    case = Facts("congestion", Severity.MAJOR, 2, NOW - minutes(5))
    assert applies(when, case, NOW)
    for other in (
        replace(case, kind="flood"),
        replace(case, severity=Severity.INFO),
        replace(case, signs=1),
        replace(case, opened=NOW - minutes(4)),
    ):
        assert not applies(when, other, NOW)


def test_a_rule_is_held_by_how_often_it_ran_and_by_what_is_in_force() -> None:
    limits = Limits(per_hour=2, at_once=3)
    ran = [NOW - minutes(61), NOW - minutes(30), NOW - minutes(1)]
    assert held(limits, ran[:2], 2, NOW) == ""
    assert held(limits, ran, 0, NOW) == "2 of 2 actions within an hour"
    assert held(limits, [], 3, NOW) == "3 of 3 actions at once"


RULE: dict[str, Any] = {"when": {"kinds": ["obstruction"]}, "then": [{"do": "road_event", "code": 101}]}


def test_a_rule_is_checked_where_it_is_given() -> None:
    assert NewRule(**RULE).limits.per_hour == 4
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"when": {"kinds": ["nonsense"]}}, "obstruction"),
        ({"then": []}, "at least 1"),
        ({"then": [{"do": "nothing"}]}, "road_event"),
        ({"then": [{"do": "road_event", "code": 777}]}, "GB/T 29100"),
        ({"then": [{"do": "road_event", "code": 101, "text": "☃"}]}, "GB 2312"),
        ({"then": [{"do": "signal_plan", "signals": ["s"], "greens_s": [0.5, 20]}]}, "1 to 600"),
        ({"then": [{"do": "command", "selection": {"devices": ["a"]}, "command": "explode"}]}, "reboot"),
        ({"then": [{"do": "command", "selection": {"devices": ["a"]}, "command": "capture"}]}, "seconds"),
        ({"then": [{"do": "command", "selection": {}, "command": "ping"}]}, "at least one filter"),
    ]
    for change, allowed in wrong:
        with pytest.raises(ValidationError, match=allowed):
            NewRule(**{**RULE, **change})


def test_every_kind_is_explained() -> None:
    page = (Path(__file__).parents[3] / "docs" / "city" / "board.md").read_text(encoding="utf-8")
    for kind in kinds.KINDS.values():
        limits = f"{kind.radius_m:g} m" if kind.radius_m else "the same thing"
        line = f"| `{kind.name}` | {kind.about} | {limits} | {kind.joining_s / 60:g} min | {kind.over_s / 60:g} min |"
        assert line in page, line
