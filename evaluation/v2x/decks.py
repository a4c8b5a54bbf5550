"""Roads on two levels, one 6 to 9 m above the other: ways that cross, and ways that run along one another. Nobody may be warned.

Crossings are driven once without a map, where sent heights alone tell the decks apart; and once with one and heights that are up
to 15 m off, each vehicle's in its own sense and all the time, where the map alone does. Where one road runs straight above the
other in the same direction, the map tells them apart by where each vehicle came from: from the right below, from the left above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chelu.motion.footprints import forward
from chelu.roads.assemble import assemble
from chelu.roads.network import VEHICLES, Connections, Kind, Links, Nodes, RoadNetwork, Signals, lines_of
from evaluation.v2x.actors import Floats, places, still
from evaluation.v2x.encounters import Encounters, spread_out
from evaluation.v2x.measured import nominal
from evaluation.v2x.staging import stage
from evaluation.v2x.trial import run
from services.inference.network import NetworkRoads

LEVELS_M = (6.0, 9.0)
HEIGHT_ERROR_M = 15.0
_BENDS_S, _ARC_S, _ASIDE_MPS2 = 3.0, 2.0, 3.0  # until who comes along is on the straight, of that in the bend, and how fast
_EVERY_M = 3.0  # points of roads with bends
_BEFORE_M, _ROAD_M = 60.0, 600.0  # roads begin before where actors do, and go on beyond where they come to


def cross(n: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """N crossings, all level, without a map: how many warnings of any application there were."""
    encounters = stacked(n, seed)
    outcome = run(encounters, nominal(n), seed, tell=tell)
    return {"n": n, "warnings": sum(outcome.by_application.values()), "raised": outcome.by_application}


def cross_on_map(n: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """The same with a map, and heights that are up to 15 m off."""
    encounters = stacked(n, seed)
    roads = NetworkRoads(map_of(encounters))
    off = np.random.default_rng([seed, 4]).uniform(-HEIGHT_ERROR_M, HEIGHT_ERROR_M, len(encounters.actors))
    outcome = run(encounters, nominal(n), seed, roads=roads, height_error_m=off, tell=tell)
    return {"n": n, "warnings": sum(outcome.by_application.values()), "raised": outcome.by_application}


def follow_on_map(n: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """N vehicles that drive up, in plan, to one in the same lane on the deck above, with a map and heights up to 15 m off."""
    encounters = along(n, seed)
    roads = NetworkRoads(map_of(encounters, every_m=_EVERY_M))
    off = np.random.default_rng([seed, 4]).uniform(-HEIGHT_ERROR_M, HEIGHT_ERROR_M, len(encounters.actors))
    outcome = run(encounters, nominal(n), seed, roads=roads, height_error_m=off, tell=tell)
    return {"n": n, "warnings": sum(outcome.by_application.values()), "raised": outcome.by_application}


def along(n: int, seed: int, levels_m: tuple[float, float] = LEVELS_M) -> Encounters:
    """Each comes within 3 s through a bend of its own onto a straight road, the host from the right, the other from the left."""
    random = np.random.default_rng([seed, 14])
    speed = random.uniform(8.0, 15.0, n)
    host = speed + random.uniform(5.0, 12.0, n)
    meets_s = random.uniform(8.0, 10.0, n)
    rates, to_right = np.concatenate([host, speed]), np.repeat([1.0, -1.0], n)
    bend_m, arc_m = rates * _BENDS_S, rates * _ARC_S
    curvature = to_right * _ASIDE_MPS2 / rates**2
    turn_deg = np.degrees(np.abs(curvature) * arc_m)
    first, chord = (forward(-to_right * share * turn_deg) for share in (1.0, 0.5))
    onto = np.stack([np.concatenate([np.zeros(n), random.uniform(-0.8, 0.8, n)]), bend_m - rates * np.tile(meets_s, 2)], axis=1)
    start = onto - (bend_m - arc_m)[:, None] * first - (arc_m * np.sinc(np.radians(turn_deg) / (2.0 * np.pi)))[:, None] * chord
    actors = replace(
        still(2 * n), start=start, heading_deg=np.mod(-to_right * turn_deg, 360.0), speed_mps=rates, straight_m=bend_m - arc_m,
        curvature_1pm=curvature, turn_deg=turn_deg,
        up_m=np.concatenate([np.zeros(n), random.uniform(*levels_m, n)]),
    )  # fmt: skip
    lasts_s = 12.0
    return Encounters("fcw", spread_out(actors, n, random), np.full(n, _BENDS_S), np.full(n, lasts_s), lasts_s)


def stacked(n: int, seed: int) -> Encounters:
    """Crossings of which the other's road lies above."""
    encounters = stage("icw", n, seed)
    actors = encounters.actors
    up = np.zeros(len(actors))
    up[encounters.rows(1)] = np.random.default_rng([seed, 3]).uniform(*LEVELS_M, n)
    return replace(encounters, actors=replace(actors, up_m=up, gradient=np.zeros(len(actors))))


def map_of(encounters: Encounters, *, every_m: float = _BEFORE_M + _ROAD_M) -> RoadNetwork:
    """A road of one lane under each actor's way, with a point every so many metres."""
    actors = encounters.actors
    count = len(actors)
    along_m = np.linspace(-_BEFORE_M, _ROAD_M, 1 + round((_BEFORE_M + _ROAD_M) / every_m))
    xy, _ = places(actors, np.broadcast_to(along_m, (count, len(along_m))))
    shape = lines_of([np.column_stack([one, np.full(len(one), up)]) for one, up in zip(xy, actors.up_m.tolist(), strict=True)])
    name = np.array([f"road_{one}" for one in range(count)], np.str_)
    none, length = np.zeros(0, np.int32), np.full(count, _BEFORE_M + _ROAD_M)
    return assemble(
        nodes=Nodes(np.zeros(0, np.str_), np.zeros((0, 3)), np.zeros(0, np.str_), lines_of([])),
        links=_links(name, length),
        lane_id=name,
        lane_link=np.arange(count, dtype=np.int32),
        lane_index=np.zeros(count, np.int32),
        width_m=np.full(count, 3.5),
        speed_limit_mps=np.full(count, 30.0),
        length_m=length,
        users=np.full(count, int(VEHICLES), np.int32),
        shape=shape,
        connections=Connections(none, none, none, np.zeros(0, np.str_), none, none),
        signals=Signals(np.zeros(0, np.str_), none, np.zeros(0), none, np.zeros(0), np.zeros(0, np.str_)),
    )


def _links(name: np.ndarray[tuple[int], np.dtype[np.str_]], length_m: Floats) -> Links:
    unknown = np.full(len(name), -1, np.int32)
    return Links(
        id=name,
        name=name,
        from_node=unknown,
        to_node=unknown,
        length_m=length_m,
        speed_limit_mps=np.full(len(name), 30.0),
        priority=np.zeros(len(name), np.int32),
        kind=np.full(len(name), int(Kind.ROAD), np.int8),
    )
