"""A unit that sends the map that it was given as it is: nobody may be told anything of it, and faults are still found."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.quality.monitors.catalogue import monitor_of, site_parameters
from chelu.quality.monitors.content import lacks
from chelu.quality.monitors.run import Report, run
from chelu.quality.monitors.window import MAP, NO_MINUTE, Heard
from chelu.roads.mapdata.writing import frames_of, usual_style
from chelu.roads.opening import open_roads
from tests.unit.quality.monitors import crossing as at
from tests.unit.quality.monitors.faults import FAULTS
from tests.unit.roads.lanelet2_files import crossing_with_lights, file_of
from tests.unit.roads.made import star

DISTRICT = Path(__file__).parents[4] / "simulators" / "data" / "district.net.xml.gz"
FRAME = LocalFrame(29.5, 106.5, 250.0)
SECONDS = 60
PARAMETERS = site_parameters({}, where="")
ROADS = {
    "district": DISTRICT.read_bytes,
    "star": lambda: star([(0.0, 2, 1, 0.0), (90.0, 1, 1, 0.0), (180.0, 2, 2, 0.0)], groups=2).encode(),
    "lanelet2": lambda: file_of(*crossing_with_lights()),
}


def said(name: str) -> list[dict[str, Any]]:
    """The MAPs of a network, as a unit has them from us."""
    opened = open_roads(ROADS[name](), name, origin=FRAME)
    found = [cv2x.to_json(frame) for frame in frames_of(opened.network, FRAME, usual_style(opened.network))]
    assert {one.pop("message_count") for one in found} == {0}
    return found


def heard(contents: list[dict[str, Any]], counts: np.ndarray[Any, Any] | None = None) -> Heard:
    """Each of them twice a second, by turns; counts: of all messages, 0 where none are given."""
    n = 2 * SECONDS * len(contents)
    times = at.BEGIN_US + np.arange(n) * (500_000 // len(contents))
    columns = {
        "time_us": times,
        "arrival_us": times + 20_000,
        "device_key": np.full(n, at.RSU),
        "message_count": np.zeros(n) if counts is None else counts,
        "minute": np.full(n, NO_MINUTE),
        "content": np.arange(n) % len(contents),
    }
    rows = Batch({name: column.astype(MAP[name]) for name, column in columns.items()})
    return Heard(map=rows, contents=tuple(contents))


def judged(what: Heard, *names: str) -> Report:
    until_us = at.BEGIN_US + SECONDS * 1_000_000
    return run(what, PARAMETERS, from_us=at.BEGIN_US, to_us=until_us, monitors=[monitor_of(name) for name in names])


@pytest.mark.parametrize("name", list(ROADS))
def test_our_own_map_sent_back_as_it_is_raises_no_alarm(name: str) -> None:
    report = judged(heard(said(name)), "map-rate", "map-zero", "map-content", "map-time", "map-count")
    assert report.events == []
    assert report.notifications() == []
    assert report.of_monitor("map-content").judged == sum(len(one["nodes"]) for one in said(name)) * 2 * SECONDS
    count = report.of_monitor("map-count")
    assert (count.judged, set(count.passed)) == (0, {"the same message again, which keeps its count"})


def test_a_map_that_takes_anothers_place_may_begin_anew_to_count() -> None:
    first, second = said("star")[0], copy.deepcopy(said("star")[0])
    second["nodes"][0]["in_links"][0]["lanes"][0]["lane_width_m"] = 3.0
    changed = heard([first])
    half = len(changed.map) // 2
    for counts in ((0, 0), (100, 0), (0, 100)):
        content = np.repeat([0, 1], half)
        count = np.repeat(counts, half).astype(np.uint8)
        rows = changed.map.with_columns(content=content, message_count=count)
        report = judged(replace(changed, map=rows, contents=(first, second)), "map-count")
        assert report.events == [], counts


def test_a_map_whose_count_goes_backwards_or_that_is_stamped_anew_under_the_same_count_is_told() -> None:
    (content,) = said("star")
    n = 2 * SECONDS
    backwards = judged(heard([content], 127 - np.arange(n) % 128), "map-count").of_monitor("map-count")
    assert (backwards.judged, backwards.bad) == (4 * (n - 1), 4 * (n - 1))
    stamped = heard([content])
    rows = stamped.map.with_columns(minute=np.arange(n) // 12)
    found = judged(replace(stamped, map=rows), "map-count").of_monitor("map-count")
    assert (found.judged, found.bad) == (4 * 9, 4 * 9)


def test_a_count_that_goes_on_is_good() -> None:
    found = judged(heard(said("star"), np.arange(2 * SECONDS) % 128), "map-count").of_monitor("map-count")
    assert (found.judged, found.bad) == (4 * (2 * SECONDS - 1), 0)


def missing(change: Any) -> list[str]:
    (value,) = said("star")
    node = value["nodes"][0]
    change(value, node)
    return lacks(value, (0, node["id"]["id"]))


def test_what_a_junction_lacks_is_told_and_what_an_end_of_a_road_lacks_is_not() -> None:
    (value,) = said("star")
    assert [len(one["in_links"]) for one in value["nodes"]] == [3, 1, 1, 1]
    for node in value["nodes"]:
        assert lacks(value, (0, node["id"]["id"])) == []

    def without_ways(_: Any, node: Any) -> None:
        for link in node["in_links"]:
            for lane in link["lanes"]:
                del lane["connects_to"]

    def one_link_without_ways(value: Any, node: Any) -> None:
        without_ways(value, node)
        del node["in_links"][1:]

    assert missing(without_ways) == [f"where link {link} lane {lane} goes on to" for link, lane in
                                     ((1, 1), (1, 2), (2, 1), (3, 1), (3, 2))]  # fmt: skip
    assert len(missing(one_link_without_ways)) == 2, "links of other nodes say that roads lead on from it"


def test_a_map_without_any_link_places_nobody() -> None:
    def unlinked(value: Any, _: Any) -> None:
        for node in value["nodes"]:
            del node["in_links"]

    assert missing(unlinked) == ["any link"]
    assert missing(lambda value, node: node.pop("in_links")) == [], "links that begin there are drawn at other nodes"


def test_a_lane_of_a_crossing_that_leads_nowhere_is_told() -> None:
    faulty = FAULTS["map-content"](at.crossing())
    assert lacks(faulty.contents[0], (1, 5)) == ["where link 1 lane 1 goes on to"]


def test_a_lane_may_end_beside_others_where_one_road_becomes_another_and_not_all_of_them() -> None:
    lane = {"connects_to": [{"remote_intersection": {"id": 3}}], "points": [{}]}
    lanes = [{**lane, "lane_id": 1}, {"lane_id": 2, "points": [{}]}]
    place = {"latitude_deg": 29.5, "longitude_deg": 106.5}
    here = {"id": {"id": 2}, "reference_position": place, "in_links": [{"upstream_node_id": {"id": 1}, "lanes": lanes}]}
    beyond = {"id": {"id": 3}, "in_links": [{"upstream_node_id": {"id": 2}, "lanes": []}]}
    value = {"nodes": [here, beyond]}
    assert lacks(value, (0, 2)) == []
    del lanes[0]["connects_to"]
    assert lacks(value, (0, 2)) == ["where link 1 lane 1 goes on to", "where link 1 lane 2 goes on to"]
