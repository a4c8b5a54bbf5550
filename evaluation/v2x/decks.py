"""Crossings on two levels: the same encounters as on one, one road 6 to 9 m above the other. Nobody may be warned.

Once without a map, where sent heights alone tell the decks apart; and once with one and heights that are up to 15 m off, each
vehicle's in its own sense and all the time, where the map alone does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from chelu.roads.assemble import assemble
from chelu.roads.network import VEHICLES, Connections, Kind, Links, Nodes, RoadNetwork, Signals, lines_of
from evaluation.v2x.actors import Floats, places
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.radio import nominal
from evaluation.v2x.staging import stage
from evaluation.v2x.trial import run
from services.inference.network import NetworkRoads

LEVELS_M = (6.0, 9.0)
HEIGHT_ERROR_M = 15.0
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


def stacked(n: int, seed: int) -> Encounters:
    """Crossings of which the other's road lies above."""
    encounters = stage("icw", n, seed)
    actors = encounters.actors
    up = np.zeros(len(actors))
    up[encounters.rows(1)] = np.random.default_rng([seed, 3]).uniform(*LEVELS_M, n)
    return replace(encounters, actors=replace(actors, up_m=up, gradient=np.zeros(len(actors))))


def map_of(encounters: Encounters) -> RoadNetwork:
    """A road of one lane under each actor's way."""
    actors = encounters.actors
    count = len(actors)
    way = np.broadcast_to(np.array([-_BEFORE_M, _ROAD_M]), (count, 2))
    xy, _ = places(actors, way)
    shape = lines_of([np.column_stack([one, np.full(2, up)]) for one, up in zip(xy, actors.up_m.tolist(), strict=True)])
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
