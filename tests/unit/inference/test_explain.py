"""Explanations of warnings: replayed by the same code, compared with what was sent, and with the limits that decided."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from chelu.errors import CannotStartError, ConfigurationError
from chelu.local.database import database_url
from services.inference.explain import telling
from services.inference.explain.command import late_of
from services.inference.explain.compared import Verdict, verdict
from services.inference.explain.evidence import Json
from services.inference.explain.explanation import Search, document
from services.inference.explain.margins import margins
from services.inference.explain.pace import TURN_US, Pace, pace_of
from services.inference.explain.recorded import Decision, Recorded
from services.inference.explain.rerun import Rerun
from services.inference.explain.warnings import Stored, find
from services.inference.explain.who import Case, level_of
from services.inference.inbox import Inbox
from services.inference.making import site_of
from services.inference.site import SiteParameters
from services.inference.v2x.assessment import IMMINENT, NOTHING, WARNING
from services.inference.v2x.catalogue import APPLICATIONS
from tests.unit.inference.recorded_encounter import (
    BEGAN_US,
    CROSSING,
    FRAME,
    INGEST_EARLIER_US,
    SITE,
    Driver,
    Encounter,
    encounter,
    register,
)
from tests.unit.inference.rsis import event, rsi, spot


def rerun(recorded: Recorded, late_us: int = INGEST_EARLIER_US) -> Rerun:
    number = itertools.count()
    site = site_of(register().sites[SITE], SiteParameters(), model=None, new_id=lambda: str(next(number)))
    return Rerun(site, SITE, FRAME, Inbox(register()), recorded, Pace(np.zeros(1, np.int64), np.full(1, late_us)))


def replayed(found: Encounter, stored: Stored, recorded: Recorded | None = None) -> tuple[Search, Json]:
    search = Search(stored, register(), register().sites[SITE], Case.of(stored.raised.detail, register()))
    again = rerun(recorded or found.recorded)
    search.watch(again, BEGAN_US)
    known = search.raised[1] if search.raised else search.known(again, stored.raised.decided_us, None)
    return search, document(stored, search, again, found.recorded.count(), known)


@pytest.fixture(scope="module")
def found() -> Encounter:
    return encounter()


@pytest.fixture(scope="module")
def icw(found: Encounter) -> Stored:
    return next(one for one in found.warnings.values() if one.application == "icw")


def test_both_of_a_crossing_were_warned(found: Encounter) -> None:
    assert sorted(one.application for one in found.warnings.values()) == ["icw", "icw"]


def test_a_replay_of_what_is_stored_raises_the_same_warning_at_the_same_instant(found: Encounter) -> None:
    for stored in found.warnings.values():
        _, told = replayed(found, stored)
        assert told["replay"]["verdict"] == Verdict.SAME.name.lower(), told["replay"]
        assert told["replay"]["raised"]["time_us"] == stored.raised.decided_us
        assert told["known"]["level"] == stored.raised.level


def test_without_the_messages_of_one_it_is_not_raised(found: Encounter, icw: Stored) -> None:
    bsm = found.recorded.streams["bsm"]
    alone = bsm.take(np.flatnonzero(bsm["vehicle_id"] == CROSSING[0].vehicle_id))
    _, told = replayed(found, icw, Recorded({**found.recorded.streams, "bsm": alone}, ()))
    assert told["replay"]["verdict"] == "not_raised"
    assert told["replay"]["raised"] is None


def test_a_hole_in_what_is_stored_shows_as_another_instant(found: Encounter, icw: Stored) -> None:
    bsm = found.recorded.streams["bsm"]
    decided_us = icw.raised.decided_us
    holed = bsm.take(np.flatnonzero((bsm["arrival_us"] < decided_us - 250_000) | (bsm["arrival_us"] > decided_us)))
    _, told = replayed(found, icw, Recorded({**found.recorded.streams, "bsm": holed}, ()))
    assert told["replay"]["verdict"] == "elsewhen"
    assert "event_time_us" in {one["field"] for one in told["replay"]["differences"]}


def test_what_was_known_names_sources_ages_and_futures_with_probabilities(found: Encounter, icw: Stored) -> None:
    _, told = replayed(found, icw)
    for side, device in (("host", icw.raised.detail["host"]["device_id"]), ("other", icw.raised.detail["other"]["device_id"])):
        one = told["known"][side]
        assert [source["device_id"] for source in one["sources"]] == [device]
        (source,) = one["sources"]
        assert source["latency_s"] == pytest.approx(0.0307, abs=1e-3)
        assert source["rate_hz"] == pytest.approx(10.0, abs=0.1)
        assert source["age_s"] == one["age_s"] >= 0.03
        assert sum(way["probability"] for way in one["futures"]) == pytest.approx(1.0)
        assert one["speed_mps"] == pytest.approx(14.0)
    view = told["known"]["view"]
    assert view["first_s"] == pytest.approx(icw.raised.detail["ttc_s"], abs=0.05)


def test_beyond_a_margin_the_application_says_otherwise_and_before_it_the_same(found: Encounter, icw: Stored) -> None:
    again, case = rerun(found.recorded), Case.of(icw.raised.detail, register())
    decided_us = icw.raised.decided_us
    for _ in again.run(again.pace.turns(BEGAN_US, icw.raised, decided_us)):
        pass
    evaluation = again.site.evaluated
    assert evaluation is not None
    finding = case.finding(again.site, evaluation)
    assert finding is not None
    application = next(one for one in APPLICATIONS if one.name == "icw")
    parameters = again.site.parameters.applications["icw"]
    found_margins = margins(application, evaluation.scene, parameters, finding.key)
    assert found_margins
    for one in found_margins:
        beyond = replace(parameters, **{one.name: one.limit})
        step = (one.value - one.limit) * 1e-4
        before = replace(parameters, **{one.name: one.limit + step})
        assert level_of(application.assess(evaluation.scene, beyond), finding.key) == one.level != finding.level
        assert level_of(application.assess(evaluation.scene, before), finding.key) == finding.level
    assert {"brake_now_s", "least_probability"} <= {one.name for one in found_margins}
    assert {one.level for one in found_margins} <= {NOTHING, 0, WARNING, IMMINENT}


def test_a_warning_about_a_thing_explains_itself_too() -> None:
    hazard = rsi(event(401, event_pos=spot(0, 60), event_radius_m=10.0), sender=3, at_s=0.0)
    found = encounter((Driver(0xA1, 1, 0.0, speed_mps=20.0),), seconds=4.0, notices=(hazard,))
    (stored,) = [one for one in found.warnings.values() if one.application == "hlw"]
    _, told = replayed(found, stored)
    assert told["replay"]["verdict"] == "same", told["replay"]
    assert told["known"]["view"] is None
    assert "other" not in told["known"]
    assert "warn_s" in {one["name"] for one in told["known"]["margins"]}
    told["replay"] |= {"is_cause_stored": True}
    assert f": {stored.raised.detail['subject']['id']}" in telling.told(told)
    _, without = replayed(found, stored, Recorded(found.recorded.streams, ()))
    assert without["replay"]["verdict"] == "not_raised"


def test_differences_are_named_field_by_field(icw: Stored) -> None:
    detail = dict(icw.raised.detail)
    assert verdict(detail, detail) == (Verdict.SAME, [])
    said, differences = verdict(detail, {**detail, "ttc_s": detail["ttc_s"] + 1.0, "level": detail["level"] + 1})
    assert said is Verdict.OTHERWISE
    assert {one.field for one in differences} == {"ttc_s", "level"}
    said, _ = verdict(detail, {**detail, "event_time_us": detail["event_time_us"] + 1})
    assert said is Verdict.ELSEWHEN
    assert verdict(detail, {**detail, "ttc_s": None})[0] is Verdict.OTHERWISE
    assert verdict(detail, None) == (Verdict.NOT_RAISED, ())


def test_the_text_tells_everything_that_people_ask(found: Encounter, icw: Stored) -> None:
    _, told = replayed(found, icw)
    told["replay"] |= {"is_cause_stored": True, "read_later_than_stored_us": 700}
    text = telling.told(told)
    for words in (
        icw.warning_id,
        "The host: motor",
        "The other: motor",
        "by obu-1",
        "by obu-2",
        "goes with probability 1.00",
        "Why",
    ):
        assert words in text
    assert "the same warning at the same instant" in text
    assert "it would be: nothing" in text


def test_how_much_later_inference_reads_is_taken_from_the_message_that_caused_the_warning(found: Encounter, icw: Stored) -> None:
    assert late_of(icw, register(), found.recorded) == INGEST_EARLIER_US
    gone = Recorded({name: rows.take(np.empty(0, np.intp)) for name, rows in found.recorded.streams.items()}, ())
    assert late_of(icw, register(), gone) is None


def test_one_turn_ends_at_the_decision_and_none_between_it_and_what_caused_it(icw: Stored) -> None:
    row = replace(icw.raised, arrival_us=9_990_000, decided_us=10_000_001)
    turns = Pace().turns(0, row, 11_000_000)
    ends = turns.ends_us
    assert turns.taken_us[ends == row.decided_us].tolist() == [row.arrival_us], "what came later is the next turn's"
    assert 10_000_001 in ends
    assert not ((ends >= row.arrival_us) & (ends < row.decided_us)).any()
    assert (np.diff(ends) > 0).all()
    assert np.median(np.diff(ends[ends > 8_000_000])) == TURN_US
    assert ends[0] == 0


def test_where_inference_was_behind_a_replay_is_as_far_behind(icw: Stored, found: Encounter) -> None:
    bsm = found.recorded.streams["bsm"]
    rows = [10, 50, 90]
    late = [1_000, 300_000, 2_000]
    told = [
        Decision(
            {
                "device_id": f"obu-{int(bsm['device_key'][row])}",
                "event_time_us": int(bsm["time_us"][row]),
                "message_count": int(bsm["message_count"][row]),
            },
            int(bsm["arrival_us"][row]) + late_us,
            int(bsm["arrival_us"][row]) + late_us + 40_000,
        )
        for row, late_us in zip(rows, late, strict=True)
    ]
    pace = pace_of(told, found.recorded.streams, register())
    read = pace.read(bsm["arrival_us"])
    assert (read[rows] - bsm["arrival_us"][rows]).tolist() == late
    assert (np.diff(read) >= 0).all()
    assert bsm["arrival_us"][70] < read[70] < bsm["arrival_us"][70] + 300_000
    raised = replace(icw.raised, arrival_us=told[2].read_us, decided_us=told[2].decided_us)
    ends = pace.turns(BEGAN_US, raised, raised.decided_us).ends_us
    assert {one.decided_us for one in told[1:]} <= set(ends.tolist())
    for one in told[1:]:
        assert not ((ends >= one.read_us) & (ends < one.decided_us)).any()


@pytest.mark.parametrize("given", ["", "0a1b2", "zz1b2c3d", "0a1b2c3d' OR 1", "%", "0a1b2c3_"])
def test_what_is_no_id_is_refused_before_the_database_is_asked(given: str) -> None:
    with pytest.raises(ConfigurationError, match="WARNING"):
        find(None, given)  # type: ignore[arg-type]


def test_without_a_site_it_says_where_one_would_be(tmp_path) -> None:
    with pytest.raises(CannotStartError, match="chelu up"):
        database_url({"CHELU_HOME": str(tmp_path)}, None)
    assert database_url({"CHELU_DATABASE_URL": "postgresql://a"}, None) == "postgresql://a"
