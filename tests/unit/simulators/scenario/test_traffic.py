"""Background traffic as it is asked for: what is refused, who comes when, and what of a run's evidence it is."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from chelu.roads import sumo
from simulators.scenario.contacts import first_contacts
from simulators.scenario.joining import without_traffic
from simulators.scenario.library import TEMPLATES, source_of
from simulators.scenario.reading import ScenarioError, read_text
from simulators.scenario.trace import Actor
from simulators.scenario.traffic.demand import reachable, routes, trips
from simulators.scenario.ways import Places
from tests.unit.simulators.scenario.written import ran, scenario

NETWORK = sumo.read((TEMPLATES / "roads" / "merging.net.xml").read_bytes())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (scenario(more="traffic: {}"), "only where `road` is `sumo`"),
        (source_of("descent").text + "traffic: {}\n", "only where `road` is `sumo`"),
        (source_of("side-road").text + "traffic: {kinds: {car: 0.5}}\n", "shares that come to 1, and not to 0.5"),
        (source_of("side-road").text + "traffic: {kinds: {tram: 1}}\n", "tram"),
        (source_of("side-road").text + "traffic: {vehicles_per_hour: -1}\n", "traffic.vehicles_per_hour"),
        (source_of("side-road").text + "traffic: {most: 0}\n", "at least 1"),
        (source_of("side-road").text + 'traffic: {net: "<net/>"}\n', "no net beside that"),
    ],
)
def test_traffic_that_cannot_be_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        read_text(text, "tried.yaml", TEMPLATES)


def test_traffic_begins_where_no_road_leads_and_ends_where_none_goes_on() -> None:
    names = NETWORK.links.id
    assert {str(names[begin]): [str(names[end]) for end in ends] for begin, ends in reachable(NETWORK).items()} == {
        "west": ["east"],
        "south": ["east"],
    }


def test_trips_are_as_many_as_asked_for_and_the_same_for_the_same_seed() -> None:
    kinds = {"car": 0.7, "truck": 0.3}
    drawn = [trips(NETWORK, kinds, per_hour=1000, lasts_s=3600, seed=seed) for seed in (1, 1, 2)]
    made = [routes(kinds, each) for each in drawn]
    assert made[0] == made[1] != made[2]
    found = ElementTree.fromstring(made[0]).findall("trip")
    assert 900 < len(found) < 1100
    times = [float(one.get("depart", "")) for one in found]
    assert times == sorted(times)
    assert 0.25 < np.mean([one.get("type") == "truck" for one in found]) < 0.35
    assert 0.6 < np.mean([one.get("from") == "west" for one in found]) < 0.73, "two lanes of three"


def test_who_is_there_for_a_part_of_a_run_is_touched_only_then_and_never_by_its_like() -> None:
    own = Actor("ego", "car", 4.0, 2.0, 1500.0)
    passing = [Actor(f"traffic_{number}", "car", 4.0, 2.0, 1500.0, is_traffic=True) for number in (1, 2)]
    xy = np.zeros((5, 1, 3, 2))
    xy[:, 0, 0, 1] = np.arange(5) * 10.0
    xy[:, 0, 1:] = np.nan
    xy[2:4, 0, 1:] = [[0.0, 30.0], [0.0, 30.0]]
    flat = np.where(np.isnan(xy[..., 0]), np.nan, 0.0)
    found = first_contacts((own, *passing), Places(xy, flat, flat, flat, flat), flat, 1.0)
    assert found.actors.tolist() == [[0, 1]]
    assert found.first_s[0] == pytest.approx(2.6)
    xy[2:4, 0, 1:, 0] = 50.0
    assert np.isinf(first_contacts((own, *passing), Places(xy, flat, flat, flat, flat), flat, 1.0).first_s).all()


def test_who_is_only_traffic_is_left_out_of_what_is_on_the_air() -> None:
    trace = ran(scenario())
    beside = replace(trace, actors=(trace.actors[0], replace(trace.actors[1], is_traffic=True)))
    assert [one.name for one in without_traffic(beside).actors] == ["ego"]
    assert without_traffic(beside).xy.shape == (trace.instants, 1, 1, 2)
    assert without_traffic(trace) is trace
