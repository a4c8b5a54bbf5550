"""Who may have an area when: hours, shares, overlapping areas, permits; and the log's chain."""

from __future__ import annotations

import datetime
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from services.registry.alarms.models import NewMaintenance
from services.registry.track import chain, rules
from services.registry.track.chain import Happening, Link
from services.registry.track.models import NewBooking, NewPermit
from services.registry.track.rules import Claim, Ground

UTC = datetime.UTC
DAY = datetime.datetime(2026, 5, 1, tzinfo=UTC)


def hour(number: float) -> datetime.datetime:
    return DAY + datetime.timedelta(hours=number)


def claim(area: str, team: str | None, start: float, end: float, name: str = "one") -> Claim:
    return Claim(name, area, team, hour(start), hour(end))


def ground(shares: dict[str, int], *overlaps: tuple[str, str]) -> Ground:
    ids = tuple(shares)
    table = np.eye(len(ids), dtype=np.bool_)
    for left, right in overlaps:
        table[ids.index(left), ids.index(right)] = table[ids.index(right), ids.index(left)] = True
    return Ground(ids, table, shares)


def test_one_booking_may_begin_when_the_other_ends() -> None:
    held = [claim("oval", "a", 8, 10)]
    assert rules.against_booking(claim("oval", "b", 10, 12), held, [], ground({"oval": 1})) == []
    assert rules.against_booking(claim("oval", "b", 9, 10), held, [], ground({"oval": 1})) == held


def test_a_team_cannot_book_the_same_area_twice_either() -> None:
    held = [claim("oval", "a", 8, 10)]
    assert rules.against_booking(claim("oval", "a", 9, 11), held, [], ground({"oval": 1})) == held


def test_a_shared_area_takes_as_many_as_it_shares_at_any_instant() -> None:
    held = [claim("yard", "a", 8, 10), claim("yard", "b", 10, 12)]
    assert rules.against_booking(claim("yard", "c", 8, 12), held, [], ground({"yard": 2})) == []
    full = [*held, claim("yard", "d", 9, 11)]
    assert rules.against_booking(claim("yard", "c", 8, 12), full, [], ground({"yard": 2})) == full


def test_areas_that_overlap_exclude_other_teams_where_one_is_for_one_alone() -> None:
    held = [claim("lane", "a", 8, 10)]
    lane_in_yard = ground({"yard": 4, "lane": 1}, ("yard", "lane"))
    assert rules.against_booking(claim("yard", "b", 9, 11), held, [], lane_in_yard) == held
    assert rules.against_booking(claim("yard", "a", 9, 11), held, [], lane_in_yard) == []
    assert rules.against_booking(claim("yard", "b", 9, 11), held, [], ground({"yard": 4, "lane": 1})) == []
    assert rules.against_booking(claim("yard", "b", 9, 11), held, [], ground({"yard": 4, "lane": 2}, ("yard", "lane"))) == []


def test_a_booking_alone_and_another_teams_permit_exclude_each_other() -> None:
    shares = ground({"oval": 1, "gate": 1}, ("oval", "gate"))
    permit, booking = claim("gate", "a", 8, 10), claim("oval", "b", 9, 11)
    assert rules.against_booking(booking, [], [permit], shares) == [permit]
    assert rules.against_permit(permit, [booking], shares) == [booking]
    mine = replace(permit, team="b")
    assert rules.against_booking(booking, [], [mine], shares) == []
    assert rules.against_permit(mine, [booking], shares) == []


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=12), st.integers(1, 3))
def test_bookings_let_in_one_by_one_never_exceed_the_shares(wanted: list[tuple[int, int]], shares: int) -> None:
    there: list[Claim] = []
    place = ground({"oval": shares})
    for number, (start, length) in enumerate(wanted):
        new = claim("oval", f"team {number}", start, start + length, str(number))
        if not rules.against_booking(new, there, [], place):
            there.append(new)
    for instant in range(30):
        at_once = [one for one in there if one.starts <= hour(instant) < one.ends]
        assert len(at_once) <= shares


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "field"),
    [
        ("2026-05-01T08:00+08:00", "2026-05-01T09:00+08:00", "Asia/Shanghai", None),
        ("2026-05-01T08:30+08:00", "2026-05-01T09:30+08:00", "Asia/Shanghai", "starts"),
        ("2026-05-01T08:00+08:00", "2026-05-01T09:00:01+08:00", "Asia/Shanghai", "ends"),
        # Kathmandu's whole hours lie at a quarter past in UTC.
        ("2026-05-01T08:00+05:45", "2026-05-01T09:00+05:45", "Asia/Kathmandu", None),
        ("2026-05-01T08:00+00:00", "2026-05-01T09:00+00:00", "Asia/Kathmandu", "starts"),
        # The hour that is there twice in Berlin, and the one that is not there at all.
        ("2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "Europe/Berlin", None),
        ("2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", "Europe/Berlin", None),
        # Lord Howe's clocks go back by half an hour: what is a whole hour there depends on the instant.
        ("2026-04-05T01:00+11:00", "2026-04-05T02:00+10:30", "Australia/Lord_Howe", None),
        ("2026-05-01T08:00+08:00", "2026-07-01T08:00+08:00", "Asia/Shanghai", "ends"),
        ("2020-05-01T08:00+08:00", "2020-05-01T09:00+08:00", "Asia/Shanghai", "ends"),
        ("2036-05-01T08:00+08:00", "2036-05-01T09:00+08:00", "Asia/Shanghai", "ends"),
    ],
)
def test_hours_are_those_of_the_sites_clocks(starts: str, ends: str, zone: str, field: str | None) -> None:
    begin, end = (datetime.datetime.fromisoformat(text) for text in (starts, ends))
    fault = rules.fault_in_hours(begin, end, zone, datetime.datetime(2026, 3, 1, tzinfo=UTC))
    assert (fault[0] if fault else None) == field, fault


HAPPENINGS = [Happening("wang", "booked", f"booking {number}", {"note": '山城\u2028 "', "x": 0.1}) for number in range(5)]


def log(site: str = "s") -> list[Link]:
    return chain.extended(chain.beginning(site), site, HAPPENINGS, 7)


def test_a_log_is_whole_as_it_was_written_and_in_two_parts() -> None:
    links = log()
    assert (chain.checked("s", links).fault, chain.checked("s", links).entries) == (None, 5)
    first = chain.extended(chain.beginning("s"), "s", HAPPENINGS[:2], 7)
    assert [*first, *chain.extended(first[-1], "s", HAPPENINGS[2:], 7)] == links
    assert chain.checked("s", []).head == chain.beginning("s").hash != chain.beginning("t").hash


@pytest.mark.parametrize("number", range(5))
def test_every_change_of_an_entry_is_found_out(number: int) -> None:
    links = log()
    said = json.loads(links[number].entry)
    for changed in ({**said, "actor": "li"}, {**said, "at_us": 8}, {**said, "detail": {}}):
        text = json.dumps(changed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        forged = [*links[:number], replace(links[number], entry=text), *links[number + 1 :]]
        assert f"entry {number + 1}" in str(chain.checked("s", forged).fault)


def test_an_entry_taken_out_put_in_or_moved_is_found_out() -> None:
    links = log()
    for number in range(4):
        assert chain.checked("s", links[:number] + links[number + 1 :]).fault
    for left, right in itertools.pairwise(range(5)):
        swapped = [*links]
        swapped[left], swapped[right] = links[right], links[left]
        assert chain.checked("s", swapped).fault
    assert chain.checked("t", links).fault


def test_a_log_cut_short_has_another_head() -> None:
    links = log()
    whole, short = chain.checked("s", links), chain.checked("s", links[:3])
    assert short.fault is None
    assert short.head != whole.head
    assert chain.checked("s", links, links[2].hash).fault is None
    assert "cut short" in str(chain.checked("s", links[:3], whole.head).fault)


def test_a_forged_chain_that_is_hashed_anew_says_of_which_site_it_is() -> None:
    forged = chain.extended(chain.beginning("s"), "t", HAPPENINGS, 7)
    assert "says that it is" in str(chain.checked("s", forged).fault)


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:00Z"]
)
@pytest.mark.parametrize("field", ["starts", "ends"])
@pytest.mark.parametrize(
    ("model", "given"),
    [
        (NewBooking, {"area_id": "oval", "team": "crew"}),
        (NewPermit, {"area_id": "oval", "vehicle": "car"}),
        (NewMaintenance, {"site": "hill"}),
    ],
)
def test_a_time_at_an_end_of_the_calendar_is_refused_by_its_field(
    model: type[BaseModel], given: dict[str, str], field: str, instant: str
) -> None:
    times = {"starts": "2026-05-01T08:00:00Z", "ends": "2026-05-01T09:00:00Z", field: instant}
    with pytest.raises(ValidationError) as refused:
        model.model_validate({**given, **times})
    (error,) = refused.value.errors()
    assert error["loc"] == (field,)
    assert "an instant from 1970-01-01 to 2100-01-01" in error["msg"]


def test_what_an_older_version_took_at_an_end_of_the_calendar_is_told() -> None:
    starts = datetime.datetime.min.replace(tzinfo=UTC)
    old = Claim("permit 1", "oval", "crew", starts, hour(8))
    assert old.at("America/New_York") == "permit 1 of oval for crew, 0001-01-01T00:00+00:00 to 2026-05-01T04:00-04:00"
