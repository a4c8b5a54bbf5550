"""Incidents from tracks: each kind is raised where it is, and ordinary traffic beside it is not."""

from pathlib import Path

import numpy as np
import pytest

from chelu.roads import sumo
from services.inference.city.incidents.lanes import LaneSpots
from services.inference.city.incidents.parameters import IncidentParameters
from services.inference.city.incidents.watch import IncidentWatch, Kind, Tracks
from services.inference.parameters import table
from tests.unit.inference import small_roads

SECOND_US = 1_000_000
ROAD_M = 600.0
RIGHT, LEFT = -1.75, 1.75  # y of the lanes of a road eastward
DOCS = Path(__file__).parents[3] / "docs" / "city"


def lane(name, y, x0=0.0, x1=ROAD_M):
    return f'<lane id="{name}" index="{name[-1]}" speed="14" length="{abs(x1 - x0)}" width="3.5" shape="{x0},{y},0 {x1},{y},0"/>'


@pytest.fixture(scope="module")
def road():
    """Two lanes eastward, 600 m, and nothing that one must wait for."""
    edge = f'<edge id="east" from="a" to="b">{lane("east_0", RIGHT)}{lane("east_1", LEFT)}</edge>'
    nodes = "".join(f'<junction id="{n}" type="priority" x="{x}" y="0" z="0" shape=""/>' for n, x in (("a", 0), ("b", ROAD_M)))
    return LaneSpots(sumo.read(f"<net>{edge}{nodes}</net>".encode()))


def watched(spots, frames):
    """frames: for each second {slot: (x, y, speed)} → what began and ended, with the second."""
    watch, said = IncidentWatch(spots, IncidentParameters()), []
    for second, frame in enumerate(frames, start=1):
        slot = np.array(list(frame), np.int64)
        rows = np.array([(*one, 0.0) if len(one) == 3 else one for one in frame.values()], np.float64).reshape(-1, 4)
        xyz = np.column_stack([rows[:, :2], rows[:, 3]])
        tracks = Tracks(slot, np.zeros(len(slot), np.int64), xyz, rows[:, 2])
        said += [(second, one) for one in watch.update(tracks, second * SECOND_US)]
    return said


def raised(said):
    return [(second, one.finding.kind) for second, one in said if not one.over_us]


def test_who_stands_in_a_free_lane_is_raised_after_twenty_seconds_and_over_when_he_drives_on(road) -> None:
    frames = [{7: (300.0, RIGHT, 0.0)}] * 60 + [{7: (300.0 + 10 * t, RIGHT, 10.0)} for t in range(25)]
    said = watched(road, frames)
    assert raised(said) == [(21, Kind.STOPPED)]
    finding = said[0][1].finding
    assert finding.since_us == SECOND_US
    assert finding.along_m == pytest.approx(300.0, abs=1.0)
    assert said[-1][1].over_us


def test_a_place_that_trembles_stands_all_the_same(road) -> None:
    rng = np.random.default_rng(0)
    frames = [{1: (300 + rng.normal(0, 0.5), RIGHT + rng.normal(0, 0.3), abs(rng.normal(0, 0.2)))} for _ in range(40)]
    assert raised(watched(road, frames)) == [(21, Kind.STOPPED)]


def test_who_stands_beside_the_lane_has_parked(road) -> None:
    assert watched(road, [{7: (300.0, RIGHT - 3.0, 0.0)}] * 60) == []


@pytest.mark.parametrize(("x", "seconds", "kinds"), [(-25.0, 100, []), (-25.0, 160, [Kind.STOPPED])])
def test_who_waits_at_a_red_light_is_raised_only_after_longer_than_a_red_lasts(x, seconds, kinds) -> None:
    spots = LaneSpots(small_roads.crossing(has_signals=True))
    frames = [{1: (x, -1.75, 0.0), 2: (x - 8.0, -1.75, 0.0)}] * seconds
    assert sorted({kind for _, kind in raised(watched(spots, frames))}) == kinds


def test_who_drives_against_the_lane_is_raised_and_who_drives_along_it_is_not(road) -> None:
    frames = [{1: (500.0 - 12 * t, LEFT, 12.0), 2: (20.0 + 12 * t, RIGHT, 12.0)} for t in range(20)]
    said = watched(road, frames)
    assert [kind for _, kind in raised(said)] == [Kind.WRONG_WAY]
    assert said[0][1].finding.tracks == (1,)
    assert said[0][0] <= 6


def test_who_rolls_back_a_little_drives_not_against_the_lane(road) -> None:
    frames = [{1: (300.0 - 1.5 * t, RIGHT, 1.5)} for t in range(6)]
    assert raised(watched(road, frames)) == []


def test_three_who_stand_where_nobody_queues_are_one_sudden_queue(road) -> None:
    frames = [{n: (300.0 - 8 * n, RIGHT, 0.0) for n in range(4)}] * 15
    said = watched(road, frames)
    assert raised(said) == [(11, Kind.QUEUE)]
    assert said[0][1].finding.along_m == pytest.approx(300.0, abs=1.0)
    assert said[0][1].finding.tracks == (0, 1, 2, 3)


def passing(start, slot, swerves):
    """Somebody at 12 m/s in the right lane, who leaves it 40 m before x = 300 if he swerves."""
    return [(start + t, slot, (12.0 * t, LEFT if swerves and 12.0 * t > 260 else RIGHT, 12.0)) for t in range(50)]


def frames_of(rows):
    found: list[dict[int, tuple[float, ...]]] = [{} for _ in range(max(second for second, _, _ in rows) + 1)]
    for second, slot, state in rows:
        found[second][slot] = state
    return found


def test_a_place_that_four_avoid_one_after_the_other_is_raised(road) -> None:
    rows = [row for n in range(24) for row in passing(10 * n, n, swerves=n >= 18)]
    said = watched(road, frames_of(rows))
    assert [kind for _, kind in raised(said)] == [Kind.DEBRIS]
    assert 180 + 40 < said[0][0] < 260
    assert said[0][1].finding.along_m == pytest.approx(300.0, abs=40.0)


def test_where_many_leave_the_lane_every_day_nobody_avoids_anything(road) -> None:
    rows = [row for n in range(40) for row in passing(10 * n, n, swerves=n % 6 != 0)]
    assert raised(watched(road, frames_of(rows))) == []


def test_a_place_that_one_passes_meanwhile_is_not(road) -> None:
    rows = [row for n in range(6) for row in passing(10 * n, n, swerves=n % 3 != 2)]
    assert raised(watched(road, frames_of(rows))) == []


def test_the_page_has_the_parameters_as_they_are() -> None:
    assert table(IncidentParameters) in (DOCS / "incidents.md").read_text(encoding="utf-8")
