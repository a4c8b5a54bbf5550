"""What others got wrong: headings that do not wrap, shares of integers, dark time counted twice, items that a loop skips."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.messages import frames_of
from chelu.quality.monitors.assessments import HOUR_US, Tally, Verdict, days, hours
from chelu.quality.monitors.catalogue import monitor_of, site_parameters
from chelu.quality.monitors.content import lacks
from chelu.quality.monitors.events import events
from chelu.quality.monitors.greens import pairs
from chelu.quality.monitors.judged import Judged, Subject, judged
from chelu.quality.monitors.junctions import MANEUVERS, WHOLE_LINK, junctions, node_of
from chelu.quality.monitors.notifications import of_quiet_days, settled
from chelu.quality.monitors.passages import UNCLEAR, Crossing, maneuver_of, passages
from chelu.quality.monitors.phases_shown import shown_of
from chelu.quality.monitors.run import run
from chelu.quality.monitors.stop_lines import COLOURS, DARK, GREEN, RED, AtGreen, stands
from chelu.quality.monitors.window import Heard, window
from tests.unit.quality.monitors import crossing as at

BEGIN_US, END_US = at.BEGIN_US, at.BEGIN_US + round(at.SECONDS * 1e6)
SUBJECT = Subject(1, 2, 3, 4)


def items(outcomes: list[bool], *, step_s: float = 1.0, begin_us: int = BEGIN_US) -> Judged:
    n = len(outcomes)
    times = begin_us + np.round(np.arange(n) * step_s * 1e6).astype(np.int64)
    return judged(SUBJECT, times, np.array(outcomes), np.arange(n, dtype=np.float64))


@pytest.mark.parametrize(
    ("turn_deg", "maneuver"),
    [
        (0.0, "maneuverStraightAllowed"),
        (359.0, "maneuverStraightAllowed"),
        (-361.0, "maneuverStraightAllowed"),
        (270.0, "maneuverLeftAllowed"),
        (-90.0, "maneuverLeftAllowed"),
        (90.0, "maneuverRightAllowed"),
        (-179.0, "maneuverUTurnAllowed"),
        (181.0, "maneuverUTurnAllowed"),
    ],
)
def test_a_turn_is_taken_the_short_way_round(turn_deg, maneuver) -> None:
    assert maneuver_of([turn_deg]).tolist() == [MANEUVERS.index(maneuver)]


def test_a_turn_between_two_manoeuvres_is_neither() -> None:
    assert maneuver_of([45.0, -45.0, 135.0, np.nan]).tolist() == [UNCLEAR] * 4


def test_headings_on_either_side_of_north_are_two_degrees_apart() -> None:
    """A lane that points to 0°, and a vehicle that wavers between 359° and 1° on it."""
    places = at.along(0.0, at.RIGHT_LANE_M, np.arange(-110.0, -20.0, 1.0))
    wavers = np.where(np.arange(len(places)) % 10 < 5, 359.0, 1.0)
    heard = replace(at.crossing(), bsm=at.vehicle(7, places, 5.0, heading_deg=wavers))
    assert worst_direction(heard) == (1, 0, 0.0)


def test_who_drives_against_the_lane_is_found_whichever_side_of_south_he_points_to() -> None:
    """Half of its headings differ by +179° and half by −179°: their mean, and their median, is 0."""
    places = at.along(0.0, at.RIGHT_LANE_M, np.arange(-20.0, -110.0, -1.0))
    wavers = np.where(np.arange(len(places)) % 10 < 5, 179.0, 181.0)
    heard = replace(at.crossing(), bsm=at.vehicle(7, places, 5.0, heading_deg=wavers))
    assert worst_direction(heard) == (1, 1, 179.0)


def worst_direction(heard: Heard) -> tuple[int, int, float]:
    report = run(heard, site_parameters({}, where=""), from_us=BEGIN_US, to_us=END_US, monitors=[monitor_of("lane-direction")])
    whole = report.of_monitor("lane-direction")
    return whole.judged, whole.bad, round(whole.worst, 3)


def test_a_share_is_a_fraction() -> None:
    assert Tally(judged=3, bad=1).share == pytest.approx(1 / 3)
    assert Tally(judged=0).share == 0.0


def test_a_day_is_the_sum_of_its_hours_not_of_their_shares() -> None:
    begin_us = BEGIN_US // (24 * HOUR_US) * 24 * HOUR_US
    found = {(SUBJECT, begin_us): Tally(1000, 0), (SUBJECT, begin_us + HOUR_US): Tally(10, 10)}
    assert days(found)[SUBJECT, begin_us].share == pytest.approx(10 / 1010)


def test_every_bad_item_in_a_row_counts() -> None:
    found = items([True, True, True, False, True])
    begun, _ = events("x", found, BEGIN_US, END_US, apart_s=0.0, most=1000)
    assert [round((one.time_us - BEGIN_US) / 1e6) for one in begun] == [0, 1, 2, 4]


def test_what_goes_on_is_one_event_until_it_is_good_again() -> None:
    found = items([False, True, True, True, False, True])
    begun, _ = events("x", found, BEGIN_US, END_US, apart_s=2.0, most=1000)
    assert [(round((one.time_us - BEGIN_US) / 1e6), one.items, one.value) for one in begun] == [(1, 3, 3.0), (5, 1, 5.0)]


def test_what_began_before_a_window_is_no_event_of_it() -> None:
    found = items([True] * 6)
    assert events("x", found, BEGIN_US + 3_000_000, END_US, apart_s=2.0, most=1000) == ([], 0)


def test_each_of_many_events_has_its_own_items_and_its_own_worst() -> None:
    outcomes = np.random.default_rng(3).random(3000) < 0.5
    begun, unkept = events("x", items(outcomes.tolist()), BEGIN_US, END_US + HOUR_US, apart_s=2.0, most=500)
    runs: list[list[int]] = [[]]
    for row, is_bad in enumerate(outcomes.tolist()):
        runs = [*runs[:-1], [*runs[-1], row]] if is_bad else [*runs, []]
    found = [(len(rows), rows[-1]) for rows in runs if rows]
    assert [(one.items, one.value) for one in begun] == found[:500]
    assert unkept == len(found) - 500 > 0


def test_hours_are_those_of_the_clock() -> None:
    begin_us = BEGIN_US // HOUR_US * HOUR_US
    found = items([True, False, True, True], step_s=1800.0, begin_us=begin_us + 60_000_000)
    counted = hours(found, begin_us, begin_us + 2 * HOUR_US)
    assert {hour_us: (one.judged, one.bad, one.worst) for (_, hour_us), one in counted.items()} == {
        begin_us: (2, 1, 0.0),
        begin_us + HOUR_US: (2, 2, 3.0),
    }


def test_every_moment_that_a_vehicle_stands_counts_under_one_colour() -> None:
    """It stands for 20 s, of which SPAT is dark for 6: red, dark and green together are what it stood."""
    clean = at.crossing()
    dark = replace(clean, spat=at.without(clean.spat, 20.0, 26.0), bsm=at.vehicle(7, at.straight("west", waits_s=20.0), 8.3))
    seen = window(dark, BEGIN_US, END_US)
    (junction,) = seen.junctions.values()
    row = next(
        row for row, lane in enumerate(junction.lanes) if lane.heading_deg == pytest.approx(90.0, abs=0.1) and lane.number == 2
    )
    stood = stands(seen.tracks((1, 5)), junction, row, shown_of(seen, (1, 5)), AtGreen())
    seconds = stood.seconds[0]
    assert seconds.sum() == pytest.approx(19.8, abs=0.01)  # from the first row that stands to the last
    assert seconds[DARK] == pytest.approx(5.0, abs=0.11)  # a message holds for a second
    assert seconds[[COLOURS.index("yellow"), COLOURS.index("yielding"), COLOURS.index("mixed")]].sum() == 0.0
    assert seconds[RED] == pytest.approx(34.0 - 15.9 - 5.0, abs=0.3)
    assert seconds[GREEN] == pytest.approx(1.9, abs=0.3)


def test_every_vehicle_that_passes_is_seen_to_pass() -> None:
    """Twenty over one line, two seconds apart, in the order of their ids or not."""
    clean = at.crossing()
    one = [at.vehicle(1000 - number, at.straight("south"), 2.0 * number) for number in range(20)]
    heard = at.with_vehicle(replace(clean, bsm=at.between(clean.bsm, 0.0, 0.0)), *one)
    seen = window(heard, BEGIN_US, END_US)
    (junction,) = seen.junctions.values()
    passed = passages(seen.tracks((1, 5)), junction, 1, Crossing())
    assert sorted(passed.who.tolist()) == list(range(981, 1001))
    assert np.allclose(np.sort(passed.time_us), at.at_us(2.0 * np.arange(20) + (110 - at.LINE_M - 2.3) / 12), atol=20_000)


def test_the_same_vehicle_heard_by_two_devices_passes_once() -> None:
    clean = at.crossing()
    rows = at.vehicle(7, at.straight("south"), 0.0)
    other = rows.with_columns(device_key=np.full(len(rows), 2, np.int32))
    heard = at.with_vehicle(replace(clean, bsm=at.between(clean.bsm, 0.0, 0.0)), rows, other)
    seen = window(heard, BEGIN_US, END_US)
    (junction,) = seen.junctions.values()
    assert len(passages(seen.tracks((1, 5)), junction, 1, Crossing()).who) == 1


def test_who_changes_lanes_on_the_line_passes_the_nearer_one_only() -> None:
    """Its front is 2.05 m right of the left lane's middle, where half a lane's width is 1.75 m and positions are off by 0.5 m."""
    heard = replace(at.crossing(), bsm=at.vehicle(7, at.straight("south", at.LEFT_LANE_M + 2.05), 0.0))
    seen = window(heard, BEGIN_US, END_US)
    (junction,) = seen.junctions.values()
    passed = [len(passages(seen.tracks((1, 5)), junction, row, Crossing()).who) for row in (0, 1)]
    assert passed == [0, 1]


def test_a_vehicle_on_another_deck_does_not_pass() -> None:
    above = at.straight("south") + np.array([0.0, 0.0, 6.0])
    heard = replace(at.crossing(), bsm=at.vehicle(7, above, 0.0))
    seen = window(heard, BEGIN_US, END_US)
    (junction,) = seen.junctions.values()
    assert len(passages(seen.tracks((1, 5)), junction, 1, Crossing()).who) == 0


def test_a_map_says_where_it_contradicts_itself() -> None:
    node = at.node()
    node["in_links"][0]["lanes"][1]["lane_id"] = 1
    node["in_links"][1]["lanes"][0]["connects_to"].append({**node["in_links"][1]["lanes"][0]["connects_to"][0], "phase_id": 9})
    node["in_links"][2]["lanes"][0]["points"] = node["in_links"][2]["lanes"][1]["points"]
    (found,) = junctions({"nodes": [node]})
    assert found.contradictions == (
        "link 1 has lane 1 2 times",
        "link 2 lane 1 to node 13 lane 1 has phases 4 and 9",
        "link 3 lane 2 and link 3 lane 1 are one line",
    )


def test_the_published_example_of_a_map_is_read() -> None:
    file = Path(__file__).parents[3] / "data" / "cv2x" / "map_one_link"
    (found,) = junctions(json.loads(next(file.glob("*.json")).read_text(encoding="utf-8")))
    assert (found.region, found.node, found.contradictions) == (500, 12, ())
    assert [(lane.number, lane.width_m) for lane in found.lanes] == [(WHOLE_LINK, 7.0)]


@pytest.mark.parametrize(("kind", "lacking"), [("vehicle", 1), ("sidewalk", 0), ("bikeLane", 0)])
def test_a_pavement_that_leads_nowhere_lacks_nothing_and_a_lane_for_vehicles_does(kind: str, lacking: int) -> None:
    node = at.node()
    lane = node["in_links"][0]["lanes"][0]
    lane.pop("connects_to")
    lane["lane_attributes"] = {"lane_type": {kind: []}}
    assert len(lacks({"nodes": [node]}, node_of(node["id"]))) == lacking


@pytest.mark.parametrize("gone", ["in_links", "reference_position"])
def test_a_map_that_lacks_nearly_everything_is_no_error(gone) -> None:
    node = at.node()
    del node[gone]
    (found,) = junctions({"nodes": [node]})
    assert found.lanes == ()


def test_too_little_neither_raises_nor_clears() -> None:
    parameters = {"spat-rate": site_parameters({}, where="")["spat-rate"]}
    key = "spat-rate", SUBJECT
    bad, good, little = Tally(100, 50), Tally(100, 0), Tally(3, 3)
    assert [one.tally for one in settled([], {"spat-rate": {(SUBJECT, 0): bad}}, parameters)[0]] == [bad]
    assert settled([key], {"spat-rate": {(SUBJECT, 0): little}}, parameters) == ([], [])
    assert settled([key], {"spat-rate": {(SUBJECT, 0): bad, (SUBJECT, HOUR_US): good}}, parameters) == ([], [key])
    assert Tally(3, 3).verdict(parameters["spat-rate"]) is Verdict.TOO_LITTLE


def test_a_day_tells_of_whom_no_hour_of_it_could() -> None:
    parameters = {"spat-rate": site_parameters({}, where="")["spat-rate"]}
    quiet, busy = Subject(1), Subject(2)
    little, enough = Tally(8, 4), Tally(100, 0)
    hours = {
        (quiet, 9 * HOUR_US): little,
        (quiet, 11 * HOUR_US): little,
        (quiet, 30 * HOUR_US): little,
        (quiet, 12 * HOUR_US): little,
    }
    found = of_quiet_days({"spat-rate": {**hours, (busy, 9 * HOUR_US): enough, (busy, 10 * HOUR_US): little}}, parameters)
    assert found == {"spat-rate": {(quiet, 12 * HOUR_US): Tally(24, 12), (quiet, 30 * HOUR_US): little}}
    (told,), over = settled((), found, parameters)
    assert (told.subject, told.hour_us, told.tally, over) == (quiet, 12 * HOUR_US, Tally(24, 12), [])


def test_no_map_that_decodes_is_an_error() -> None:
    """Bits of a real frame are turned over: whatever still is a MAP is read, judged for content, and laid out in ways."""
    file = Path(__file__).parents[3] / "data" / "cv2x" / "map_one_link" / "frame.hex"
    frame = np.frombuffer(bytes.fromhex(file.read_text().strip()), np.uint8)
    random = np.random.default_rng(3)
    mutants = []
    for _ in range(400):
        mutant = frame.copy()
        at_bytes = random.integers(0, len(frame), 3)
        mutant[at_bytes] ^= np.uint8(1) << random.integers(0, 8, 3).astype(np.uint8)
        mutants.append(mutant.tobytes())
    messages = cv2x.decode(frames_of(mutants, BEGIN_US)).messages
    read = [one for message in messages if message.kind == "map" for one in junctions(message.value)]
    assert len(read) > 50
    for one in read:
        pairs(one)
    for message in messages:
        assert all(
            isinstance(text, str) for node in message.value.get("nodes", ()) for text in lacks(message.value, node_of(node["id"]))
        )
