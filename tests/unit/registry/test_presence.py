"""Who is where on the track, and may they: areas, decks, permits and conditions, of many at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.pace import Pace
from services.registry.track import presence
from services.registry.track.conditions import GONE_US, UNSEEN_US, Conditions, Key
from services.registry.track.geometry import shapes_of
from services.registry.track.roster import Roster, roster_of

NOW_US = 1_790_000_000_000_000
SITE = {"site_id": "s", "latitude_deg": 29.5, "longitude_deg": 106.5, "elevation_m": 200.0}
FRAME = LocalFrame(29.5, 106.5, 200.0)


def ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    corners = np.array([[west, south], [east, south], [east, north], [west, north], [west, south]], np.float64)
    latitude, longitude, _ = FRAME.to_geodetic(corners)
    found: list[list[float]] = np.column_stack([longitude, latitude]).tolist()
    return found


def area(area_id: str, *box: float, **fields: Any) -> dict[str, Any]:
    given = {"floor_m": None, "ceiling_m": None, "needs_permit": True, "shares": 1, **fields}
    holes = given.pop("holes", [])
    return {"area_id": area_id, "polygon": {"coordinates": [ring(*box), *holes]}, **given}


def permit(number: int, vehicle: int, area_id: str, **fields: Any) -> dict[str, Any]:
    span = {"starts_us": NOW_US - 1, "ends_us": NOW_US + 3_600_000_000}
    return {
        "permit_id": number,
        "vehicle_key": vehicle,
        "area_id": area_id,
        "max_speed_mps": None,
        "modes": None,
        **span,
        **fields,
    }


def device(key: int, vehicle_key: int, bsm_id: int | None = None) -> dict[str, Any]:
    return {"device_key": key, "bsm_id": bsm_id, "vehicle_key": vehicle_key, "vehicle": f"car-{vehicle_key}", "team": "crew"}


def picture(*rows: tuple[float, float], **columns: Sequence[Any]) -> Batch:
    count = len(rows)
    place = np.array(rows, np.float32).reshape(-1, 2)
    given: dict[str, npt.NDArray[Any]] = {
        "kind": np.full(count, presence.SPEAKS, np.uint8),
        "key": np.arange(1, count + 1, dtype=np.uint64),
        "device_key": np.arange(11, 11 + count, dtype=np.int32),
        "east_m": place[:, 0],
        "north_m": place[:, 1],
        "up_m": np.zeros(count, np.float32),
        "speed_mps": np.full(count, 5.0, np.float32),
        "age_ms": np.zeros(count, np.float32),
        "twin": np.full(count, -1, np.int32),
    }
    return Batch({name: np.asarray(columns.get(name, value), value.dtype) for name, value in given.items()})


YARD, LANE = area("yard", 0, 0, 100, 100), area("lane", 10, 10, 20, 90)
DEVICES = [device(11, 1), device(12, 2, bsm_id=2)]


def roster(*permits: dict[str, Any], areas: Sequence[dict[str, Any]] = (LANE, YARD)) -> Roster:
    return roster_of(SITE, areas, permits, DEVICES)


def held(batch: Batch, known: Roster, entered: dict[Key, Any] | None = None, modes: dict[int, str] | None = None) -> set[Key]:
    return set(presence.holding(presence.scene_of(batch, known, NOW_US, Pace()), known, modes or {}, entered or {}))


def test_a_vehicle_without_a_permit_trespasses_in_every_area_it_is_in() -> None:
    found = held(picture((15, 50), (500, 500)), roster())
    assert found == {
        Key("in area", "car-1", "lane"),
        Key("in area", "car-1", "yard"),
        Key("trespass", "car-1", "lane"),
        Key("trespass", "car-1", "yard"),
    }


def test_a_permit_covers_what_lies_in_its_area_and_not_what_is_around_it() -> None:
    assert not {key for key in held(picture((15, 50)), roster(permit(1, 1, "yard"))) if key.what == "trespass"}
    lane_only = held(picture((15, 50)), roster(permit(1, 1, "lane")))
    assert {key for key in lane_only if key.what == "trespass"} == {Key("trespass", "car-1", "yard")}


@pytest.mark.parametrize(
    "late", [{"ends_us": NOW_US}, {"starts_us": NOW_US + 1}, {"vehicle_key": 2}], ids=["over", "not yet", "another's"]
)
def test_a_permit_counts_for_its_vehicle_and_its_time_alone(late: dict[str, Any]) -> None:
    found = held(picture((15, 50)), roster({**permit(1, 1, "yard"), **late}))
    assert Key("trespass", "car-1", "yard") in found


def test_who_has_left_was_there_before() -> None:
    known = roster(permit(1, 1, "yard"))
    assert held(picture((500, 500)), known) == set()
    was_there: dict[Key, Any] = {Key("in area", "car-1", "yard"): {}}
    assert held(picture((500, 500)), known, was_there) == {Key("left its area", "car-1")}
    assert held(picture((50, 50)), known, was_there) == {Key("in area", "car-1", "yard")}


def test_speed_and_mode_are_those_of_the_permit_that_covers_the_place() -> None:
    known = roster(permit(1, 1, "lane", max_speed_mps=4.0, modes=["manual"]), permit(2, 1, "yard", max_speed_mps=9.0))
    assert not {key for key in held(picture((50, 50)), known, modes={1: "automated"}) if key.what in {"too fast", "wrong mode"}}
    slow = roster(permit(1, 1, "yard", max_speed_mps=4.0, modes=["manual"]))
    found = held(picture((50, 50)), slow, modes={1: "automated"})
    assert {Key("too fast", "car-1"), Key("wrong mode", "car-1")} <= found
    assert not {key for key in held(picture((50, 50)), slow, modes={1: "manual"}) if key.what == "wrong mode"}


def test_a_bridge_over_an_area_is_not_in_it() -> None:
    deck = area("deck", 0, 0, 100, 100, floor_m=190.0, ceiling_m=206.0)
    batch = picture((50, 50), (50, 50), (50, 50), up_m=[0.0, 12.0, np.nan])
    scene = presence.scene_of(batch, roster(areas=(deck,)), NOW_US, Pace())
    assert scene.inside[:, 0].tolist() == [True, False, True], "of unknown height: it may be on that deck"


def test_a_hole_is_outside_and_a_border_is_inside() -> None:
    shapes = shapes_of(FRAME, [area("ring", 0, 0, 100, 100, holes=[ring(40, 40, 60, 60)])])
    points = np.array([[50, 50, 0], [10, 10, 0], [100.001, 50, 0], [np.nan, 0, 0]], np.float64)
    assert shapes.inside(points)[:, 0].tolist() == [False, True, False, False]


def test_areas_overlap_by_ground_and_deck_and_not_by_a_common_border() -> None:
    shapes = shapes_of(
        FRAME,
        [
            area("a", 0, 0, 50, 50),
            area("beside", 50, 0, 100, 50),
            area("across", 25, 25, 75, 75),
            area("above", 0, 0, 50, 50, floor_m=230.0),
            area("below", 0, 0, 50, 50, ceiling_m=230.0),
            area("within", 5, 5, 10, 10),
        ],
    )
    overlap, covering = shapes.overlapping(), shapes.covering()
    named = {(shapes.ids[i], shapes.ids[j]) for i, j in np.argwhere(overlap).tolist() if i < j}
    assert named == {
        ("a", "across"), ("a", "above"), ("a", "below"), ("a", "within"), ("beside", "across"), ("across", "above"),
        ("across", "below"), ("above", "within"), ("below", "within"),
    }  # fmt: skip
    inner = {(shapes.ids[i], shapes.ids[j]) for i, j in np.argwhere(covering).tolist() if i != j}
    assert inner == {("a", "within"), ("a", "above"), ("a", "below")}
    assert (overlap == overlap.T).all()


def test_somebody_seen_who_does_not_speak_is_an_intruder_once_an_area() -> None:
    batch = picture((50, 50), (52, 50), (15, 50), (500, 5), kind=[2, 2, 2, 2], twin=[-1, -1, 7, -1])
    found = presence.holding(presence.scene_of(batch, roster(), NOW_US, Pace()), roster(), {}, {})
    assert set(found) == {Key("intruder", "yard", "yard")}, "the third is a vehicle that speaks"
    assert found[Key("intruder", "yard", "yard")]["count"] == 2


def test_a_stranger_is_called_by_its_bsm_id_and_an_old_position_does_not_count() -> None:
    batch = picture((50, 50), (50, 50), key=[0xABC, 2], device_key=[99, 98], age_ms=[0, 5000])
    assert {key.subject for key in held(batch, roster())} == {"id 0000000000000abc"}
    by_id = picture((50, 50), key=[2], device_key=[98])
    assert {key.subject for key in held(by_id, roster())} == {"car-2"}


def test_whose_clock_is_slow_counts_and_what_waited_or_is_heard_no_more_does_not() -> None:
    pace, known, found = Pace(), roster(), list[set[str]]()
    for tenth in range(40):
        ages = [2500, 4000, 20_000, max(0, 90_000 - 1000 * tenth), 1600 + 100 * tenth]
        batch = picture(*[(50, 50)] * 5, device_key=[99] * 5, age_ms=ages)
        scene = presence.scene_of(batch, known, NOW_US + 100_000 * tenth, pace)
        found.append({subject[-1] for subject in scene.subject})
    assert found[0] == set()
    assert found[21] == found[-1] == {"1", "2", "3"}


def test_no_areas_and_nobody_is_no_trouble() -> None:
    empty = roster(areas=())
    assert held(picture(), empty) == held(picture((1, 1)), empty) == set()
    assert held(picture(), roster(permit(1, 1, "yard"))) == set()


def test_a_thing_counts_when_it_was_seen_twice_and_is_over_after_a_while() -> None:
    conditions, key = Conditions(), Key("trespass", "car-1", "yard")
    seen, nobody = frozenset({"car-1"}), frozenset[str]()
    assert conditions.look({key: {}}, seen, 0) == []
    assert conditions.look({}, seen, 100_000) == [], "one look is noise at the border"
    assert conditions.look({key: {}}, seen, 200_000) == []
    assert [(change.key, change.is_on) for change in conditions.look({key: {}}, seen, 300_000)] == [(key, True)]
    assert conditions.look({}, seen, 400_000) == conditions.look({key: {}}, seen, 500_000) == []
    assert conditions.look({}, seen, 500_000 + GONE_US - 1) == []
    assert [change.is_on for change in conditions.look({}, seen, 500_000 + GONE_US)] == [False]
    conditions.begin(key, {}, 0)
    assert conditions.look({}, nobody, GONE_US) == [], "who is not seen may be where it was"
    (over,) = conditions.look({}, nobody, UNSEEN_US)
    assert (over.is_on, over.because) == (False, "not seen any more")


def test_who_goes_dark_where_it_must_not_be_stays_there_until_it_is_seen_elsewhere() -> None:
    trespass, entered = Key(presence.TRESPASS, "car-1", "yard"), Key(presence.ENTERED, "car-1", "yard")
    conditions, seen, nobody = Conditions(presence.STAYING), frozenset({"car-1"}), frozenset[str]()
    for key in (trespass, entered):
        conditions.begin(key, {"speed_mps": 5.0}, 0)
    assert conditions.look({}, nobody, UNSEEN_US - 1) == []
    (lost,) = conditions.look({}, nobody, UNSEEN_US)
    assert (lost.key, lost.is_on, lost.because) == (trespass, True, "lost while inside")
    assert lost.detail == {"speed_mps": 5.0, "state": "lost while inside", "last_seen_us": 0}
    assert conditions.look({}, nobody, 1000 * UNSEEN_US) == [], "said once, however long; and it has left nothing"
    assert conditions.lost == {trespass: 0}
    (left,) = conditions.look({}, seen, 1001 * UNSEEN_US)
    assert (left.key, trespass in conditions.on) == (entered, True), "of an alarm one look may be noise"
    (over,) = conditions.look({}, seen, 1001 * UNSEEN_US + GONE_US)
    assert (over.key, over.is_on, over.because) == (trespass, False, "")


def test_who_was_lost_stays_so_with_what_was_known_over_a_restart() -> None:
    key, nobody = Key(presence.TRESPASS, "car-1", "yard"), frozenset[str]()
    before, after = Conditions(presence.STAYING), Conditions(presence.STAYING)
    before.begin(key, {"latitude_deg": 29.5}, 1000)
    (lost,) = before.look({}, nobody, 1000 + UNSEEN_US)
    after.begin(key, lost.detail, 10 * UNSEEN_US)
    assert after.look({}, nobody, 20 * UNSEEN_US) == [], "it was said before"
    assert (after.lost, after.on[key]) == (
        {key: 1000},
        {"latitude_deg": 29.5, "state": "lost while inside", "last_seen_us": 1000},
    )


def test_who_was_lost_and_is_seen_inside_again_trespasses_as_before() -> None:
    key, seen = Key(presence.TRESPASS, "car-1", "yard"), frozenset({"car-1"})
    conditions = Conditions(presence.STAYING)
    conditions.begin(key, {}, 0)
    conditions.look({}, frozenset(), UNSEEN_US)
    assert conditions.look({key: {}}, seen, 2 * UNSEEN_US) == []
    assert (conditions.lost, dict(conditions.on)) == ({}, {key: {}})
    (lost,) = conditions.look({}, frozenset(), 3 * UNSEEN_US)
    assert lost.because == "lost while inside"
    (over,) = conditions.forgive(list(conditions.lost), "somebody has seen to it")
    assert (over.is_on, over.because, conditions.on) == (False, "somebody has seen to it", {})


def test_a_permit_or_an_area_that_needs_none_forgives_who_was_lost() -> None:
    lost = [Key(presence.TRESPASS, "car-1", "lane"), Key(presence.TRESPASS, "id 00ff", "lane")]
    assert presence.permitted(lost, roster(), NOW_US) == []
    assert presence.permitted(lost, roster(permit(1, 1, "yard")), NOW_US) == lost[:1], "a permit of the yard is one of its lane"
    assert presence.permitted(lost, roster(permit(1, 1, "yard", ends_us=NOW_US)), NOW_US) == []


def test_two_thousand_vehicles_are_compared_with_fifty_areas_in_a_few_milliseconds() -> None:
    generator = np.random.default_rng(5)
    places = [tuple(place) for place in generator.uniform(0, 2000, (2000, 2)).tolist()]
    areas = [area(f"a{n:02}", 40 * n, 0, 40 * n + 30, 2000) for n in range(50)]
    devices = [device(11 + n, n) for n in range(2000)]
    permits = [permit(n, n, f"a{n % 50:02}") for n in range(2000)]
    known, batch = roster_of(SITE, areas, permits, devices), picture(*places)
    presence.scene_of(batch, known, NOW_US, Pace())
    conditions = Conditions()
    begun = time.process_time()
    scene = presence.scene_of(batch, known, NOW_US, Pace())
    holds = presence.holding(scene, known, {}, conditions.on)
    conditions.look(holds, frozenset(scene.subject), NOW_US)
    spent_ms = 1000 * (time.process_time() - begun)
    x = np.array(places)[:, 0]
    expected = (x[:, None] >= 40 * np.arange(50)) & (x[:, None] <= 40 * np.arange(50) + 30)
    is_at_border = (np.abs(x[:, None] - 40 * np.arange(50)) < 0.01) | (np.abs(x[:, None] - 40 * np.arange(50) - 30) < 0.01)
    assert (scene.inside == expected)[~is_at_border].all()
    print(f"\n2,000 vehicles × 50 areas, permits and all: {spent_ms:.1f} ms")
    assert spent_ms < 100
