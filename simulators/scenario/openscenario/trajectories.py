"""Trajectories of OpenSCENARIO as ways of their own, with the speeds at which they are driven."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from chelu.roads.network import Floats
from chelu.roads.opendrive.curves import clothoid
from chelu.units import KMH_PER_MPS
from chelu.xml_tree import Element
from simulators.scenario.openscenario.cast import Cast, FreeWay
from simulators.scenario.openscenario.catalogs import Catalogs
from simulators.scenario.openscenario.conditions import one_of
from simulators.scenario.openscenario.numbers import shortened
from simulators.scenario.openscenario.scope import Scope
from simulators.scenario.openscenario.spots import Free

MOST_VERTICES = 200
CLOSE_M = 1e-3
BEYOND_M = 500.0  # a way goes on straight where its trajectory ends
_STEP_M, _NURBS_POINTS = 1.0, 64


@dataclass(frozen=True, slots=True)
class Drawn:
    """A way, and from when on which speed: seconds since it begins, km/h."""

    way: FreeWay
    speeds: tuple[tuple[float, float], ...]


class Trajectories:
    """Reads <FollowTrajectoryAction> elements."""

    def __init__(self, cast: Cast, catalogs: Catalogs) -> None:
        self._cast, self._catalogs = cast, catalogs

    def drawn(self, action: Element, scope: Scope) -> Drawn:
        """The way along a trajectory with its speeds; none where it is followed at the actor's own."""
        if scope.value(action, "initialDistanceOffset", 0.0):
            raise action.wrong("initialDistanceOffset is not understood")
        trajectory, where = self._trajectory(action, scope)
        if where.truth(trajectory, "closed", default=False):
            raise trajectory.wrong("a closed trajectory is not understood")
        read, shape = one_of(trajectory.only("Shape"), _SHAPES)
        points, times = read(shape, where, self._place)
        points, times = _without_twins(points, times)
        if len(points) < 2:
            raise shape.wrong("at least two places that differ")
        timing = self._timing(action, scope)
        if timing is not None and np.isnan(times).any():
            raise shape.wrong("a time at each vertex, since the trajectory is followed in time")
        return Drawn(_way(points), () if timing is None else _speeds(points, times, *timing))

    def _trajectory(self, action: Element, scope: Scope) -> tuple[Element, Scope]:
        holder = action.first("TrajectoryRef") or action
        catalogued = holder.first("CatalogReference")
        if catalogued is not None:
            return self._catalogs.referred(catalogued, scope)
        trajectory = holder.only("Trajectory")
        return trajectory, scope.within(trajectory.first("ParameterDeclarations"))

    def _place(self, position: Element, scope: Scope) -> Free:
        return self._cast.roads.plane(self._cast.positions.of(position, scope))

    def _timing(self, action: Element, scope: Scope) -> tuple[float, float] | None:
        """Scale and offset of the times; none where it is not followed in time."""
        reference = action.first("TimeReference")
        timing = reference.first("Timing") if reference is not None else None
        return None if timing is None else (scope.value(timing, "scale", 1.0), scope.value(timing, "offset", 0.0))


Place = Callable[[Element, Scope], Free]


def _polyline(shape: Element, scope: Scope, place: Place) -> tuple[Floats, Floats]:
    vertices = shape.all("Vertex")
    if len(vertices) > MOST_VERTICES:
        raise shape.wrong(f"{len(vertices)} vertices, at most {MOST_VERTICES}")
    found = [place(one.only("Position"), scope) for one in vertices]
    times = [scope.value(one, "time") if scope.has(one, "time") else math.nan for one in vertices]
    return np.array([[one.x_m, one.y_m, one.z_m] for one in found]).reshape(-1, 3), np.array(times)


def _clothoid(shape: Element, scope: Scope, place: Place) -> tuple[Floats, Floats]:
    begin = place(shape.only("Position"), scope)
    rate = scope.value(shape, "curvaturePrime") if scope.has(shape, "curvaturePrime") else scope.value(shape, "curvatureDot")
    curvature, length = scope.value(shape, "curvature"), scope.value(shape, "length")
    along = np.linspace(0.0, length, max(2, math.ceil(length / _STEP_M) + 1))
    u, v = clothoid(np.full_like(along, curvature), np.full_like(along, rate), along)
    east, north = math.cos(begin.heading_rad), math.sin(begin.heading_rad)
    xy = np.column_stack([begin.x_m + u * east - v * north, begin.y_m + u * north + v * east, np.full_like(u, begin.z_m)])
    ends = [scope.value(shape, name) if scope.has(shape, name) else math.nan for name in ("startTime", "stopTime")]
    return xy, ends[0] + (ends[1] - ends[0]) * along / length


def _nurbs(shape: Element, scope: Scope, place: Place) -> tuple[Floats, Floats]:
    order = scope.integer(shape, "order")
    controls = shape.all("ControlPoint")
    knots = np.array([scope.value(one, "value") for one in shape.all("Knot")])
    if order < 2 or len(controls) < order or len(knots) != len(controls) + order or (np.diff(knots) < 0).any():
        raise shape.wrong(
            f"order {order}, {len(controls)} control points and {len(knots)} knots: knots rise and are as many as both"
        )
    found = [place(one.only("Position"), scope) for one in controls]
    weight = np.array([scope.value(one, "weight", 1.0) for one in controls])
    times = np.array([scope.value(one, "time") if scope.has(one, "time") else math.nan for one in controls])
    rows = np.column_stack([[one.x_m for one in found], [one.y_m for one in found], [one.z_m for one in found], times])
    curve = BSpline(knots, np.column_stack([rows * weight[:, None], weight]), order - 1)
    p = np.linspace(knots[order - 1], knots[-order], _NURBS_POINTS)
    values = curve(p)
    return values[:, :3] / values[:, 4:], values[:, 3] / values[:, 4]


_SHAPES: Mapping[str, Callable[[Element, Scope, Place], tuple[Floats, Floats]]] = {
    "Polyline": _polyline, "Clothoid": _clothoid, "Nurbs": _nurbs,
}  # fmt: skip


def _without_twins(points: Floats, times: Floats) -> tuple[Floats, Floats]:
    """One of several points in a row that are one, the last where somebody waits there: its time is when they go on."""
    if not len(points):
        return points, times
    kept = np.concatenate([[True], np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1) > CLOSE_M])
    return points[kept], times[kept]


def _way(points: Floats) -> FreeWay:
    """Straight from point to point, turning on the spot."""
    steps = np.diff(points, axis=0)
    length, heading = np.hypot(steps[:, 0], steps[:, 1]), np.arctan2(steps[:, 1], steps[:, 0])
    turn = np.degrees([math.remainder(one, 2.0 * math.pi) for one in np.diff(heading, prepend=heading[:1]).tolist()])
    gradient = steps[:, 2] / length
    length[-1] += BEYOND_M
    begin = Free(float(points[0, 0]), float(points[0, 1]), float(points[0, 2]), float(heading[0]))
    return FreeWay(begin, tuple(_piece(*row) for row in zip(length.tolist(), (-turn).tolist(), gradient.tolist(), strict=True)))


def _piece(length_m: float, turn_deg: float, gradient: float) -> dict[str, float]:
    found = {"length_m": shortened(length_m)}
    if abs(turn_deg) > 1e-9:
        found["turn_deg"] = shortened(turn_deg)
    return found | ({"gradient": shortened(gradient)} if gradient else {})


def _speeds(points: Floats, times: Floats, scale: float, offset: float) -> tuple[tuple[float, float], ...]:
    length, time = np.hypot(*np.diff(points[:, :2], axis=0).T), times * scale + offset
    kmh = length / np.maximum(np.diff(time), 1e-6) * KMH_PER_MPS
    waits = [(0.0, 0.0)] if time[0] > CLOSE_M else []
    moves = [(shortened(max(at, 0.0)), shortened(one)) for at, one in zip(time[:-1].tolist(), kmh.tolist(), strict=True)]
    return (*waits, *moves)
