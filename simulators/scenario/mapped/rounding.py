"""Lines through points as a way can drive them: straight pieces, and arcs that round off the corners between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulators.scenario.ways import Floats, Piece

CUT_M = 0.1  # at most so far inside a corner its arc passes
CLOSE_M = 1e-3  # two points that are one
STRAIGHT_RAD = 1e-6
TIGHTEST_M, WIDEST_M = 1.0, 1e6  # a corner that would take another arc is turned on the spot


@dataclass(frozen=True, slots=True)
class Rounded:
    """A line in pieces. heading_deg: where it begins.

    way_m, along_m (k,): how far on the points' line and on the pieces' is the same place; between two of them both go evenly.
    """

    heading_deg: float
    pieces: tuple[Piece, ...]
    way_m: Floats
    along_m: Floats

    def along(self, way_m: float) -> float:
        """How far along the pieces a place on the points' line is."""
        return float(np.interp(way_m, self.way_m, self.along_m))


def distances_m(points: Floats) -> Floats:
    """How far in plan each point (k, 3) is along the line through them."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points[:, :2], axis=0).T))])


def without_twins(points: Floats) -> Floats:
    """Points of which none lies on the one before it."""
    kept = [points[0]]
    for point in points[1:]:
        if math.dist(point[:2], kept[-1][:2]) >= CLOSE_M:
            kept.append(point)
    return np.array(kept)


def rounded(points: Floats) -> Rounded:
    """The line through these points (k, 3), k at least 2, none of them on the one before it.

    An arc takes at most half of the straight piece on either side of its corner, so headings go on without a jump.
    """
    way = distances_m(points)
    legs = np.diff(way)
    bearing = np.degrees(np.arctan2(*np.diff(points[:, :2], axis=0).T))  # clockwise from north
    pieces: list[Piece] = []
    marks, along = [0.0], [0.0]
    turn_deg = 0.0  # on the spot, before the next piece

    def add(until_m: float, piece: Piece) -> None:
        if piece.length_m > CLOSE_M / 100.0:
            pieces.append(piece)
            marks.append(until_m)
            along.append(along[-1] + piece.length_m)

    for corner in range(1, len(way)):
        turn = 0.0 if corner == len(legs) else math.remainder(math.radians(bearing[corner] - bearing[corner - 1]), 2.0 * math.pi)
        reach = 0.0 if corner == len(legs) else _reach_m(turn, min(legs[corner - 1], legs[corner]) / 2.0)
        until = way[corner] - reach
        add(until, Piece(until - marks[-1], 0.0, _gradient(points, way, marks[-1], until, until - marks[-1]), turn_deg))
        turn_deg = 0.0
        if reach > 0.0:
            radius = reach / math.tan(abs(turn) / 2.0)
            length = radius * abs(turn)
            beyond = way[corner] + reach
            add(beyond, Piece(length, math.copysign(1.0 / radius, turn), _gradient(points, way, until, beyond, length)))
        elif abs(turn) >= STRAIGHT_RAD:
            turn_deg = math.degrees(turn)
    return Rounded(float(bearing[0]) % 360.0, tuple(pieces), np.array(marks), np.array(along))


def _reach_m(turn_rad: float, most_m: float) -> float:
    """How far from its corner an arc begins; 0 where there is none."""
    half = abs(turn_rad) / 2.0
    if 2.0 * half < STRAIGHT_RAD or math.cos(half) < 1e-3:
        return 0.0
    cut = CUT_M * math.sin(half) / (1.0 - math.cos(half))  # the arc passes its corner at reach · (1 − cos) / sin
    reach = min(most_m, cut)
    return reach if TIGHTEST_M <= reach / math.tan(half) <= WIDEST_M else 0.0


def _gradient(points: Floats, way: Floats, begin_m: float, end_m: float, length_m: float) -> float:
    low, high = np.interp([begin_m, end_m], way, points[:, 2]).tolist()
    return (high - low) / length_m if length_m > 0.0 else 0.0
