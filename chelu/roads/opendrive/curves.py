"""Plane curves as OpenDRIVE draws them, for many places at once, in the frame of their beginning: u ahead, v to the left.

Clothoids are integrated by Gauss and Legendre's rule of 16 nodes on panels that turn by at most 2 rad: within 1e-12 of the
length of what the Fresnel integrals give. Parametric cubics are walked by their arc length, found by Newton's method on the same
rule to 1e-9 m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.roads.network import Floats

PANEL_RAD = 2.0
MOST_TURN_RAD = 1000.0  # of one clothoid: 160 turns around
KNOTS = 32  # intervals of a cubic's table of arc lengths
_NEWTON_STEPS = 5

_nodes, _weights = np.polynomial.legendre.leggauss(16)
NODES, WEIGHTS = (_nodes + 1.0) / 2.0, _weights / 2.0  # on 0 … 1


def clothoid(curvature_1pm: Floats, rate_1pm2: Floats, along_m: Floats) -> tuple[Floats, Floats]:
    """u, v (n,) after `along_m` of a curve that begins with this curvature (left positive), which rises at this rate.

    A rate of 0 is an arc, both 0 a straight line.
    """
    turn = np.abs(curvature_1pm * along_m) + np.abs(rate_1pm2) * along_m**2 / 2.0
    panels = max(1, int(np.ceil(np.max(turn, initial=0.0) / PANEL_RAD)))
    step = along_m / panels
    u, v = np.zeros_like(step), np.zeros_like(step)
    for panel in range(panels):
        at = (panel + NODES) * step[..., None]
        angle = at * (curvature_1pm[..., None] + rate_1pm2[..., None] / 2.0 * at)
        u += step * (np.cos(angle) @ WEIGHTS)
        v += step * (np.sin(angle) @ WEIGHTS)
    return u, v


def cubic(coefficients: Floats, p: Floats) -> Floats:
    """Value of a + b·p + c·p² + d·p³ (…); coefficients (…, 4)."""
    a, b, c, d = np.moveaxis(coefficients, -1, 0)
    return np.asarray(a + p * (b + p * (c + p * d)))


def cubic_rate(coefficients: Floats, p: Floats) -> Floats:
    """Its first derivative (…)."""
    _, b, c, d = np.moveaxis(coefficients, -1, 0)
    return np.asarray(b + p * (2.0 * c + p * 3.0 * d))


def cubic_bend(coefficients: Floats, p: Floats) -> Floats:
    """Its second derivative (…)."""
    _, _, c, d = np.moveaxis(coefficients, -1, 0)
    return np.asarray(2.0 * c + 6.0 * d * p)


def arc_lengths(u: Floats, v: Floats, end: Floats) -> Floats:
    """(k, KNOTS + 1) length of k parametric cubics from p = 0 to each knot, the knots dividing 0 … end evenly."""
    knots = end[:, None] * np.arange(KNOTS) / KNOTS
    parts = _length(u[:, None], v[:, None], knots, end[:, None] / KNOTS)
    return np.concatenate([np.zeros((len(end), 1)), np.cumsum(parts, axis=1)], axis=1)


def parameter_at(u: Floats, v: Floats, end: Floats, table: Floats, length_m: Floats) -> Floats:
    """(n,) the parameter at which a cubic is so long; u, v (n, 4), end (n,), table (n, KNOTS + 1) its `arc_lengths`."""
    knot = np.clip(np.sum(table <= length_m[:, None], axis=1) - 1, 0, KNOTS - 1)
    rows = np.arange(len(knot))
    begin, before, after = knot * (end / KNOTS), table[rows, knot], table[rows, knot + 1]
    share = (length_m - before) / np.where(after > before, after - before, 1.0)
    p = begin + share * (end / KNOTS)
    for _ in range(_NEWTON_STEPS):
        missing = length_m - before - _length(u, v, begin, p - begin)
        speed = np.hypot(cubic_rate(u, p), cubic_rate(v, p))
        p = p + np.divide(missing, speed, out=np.zeros_like(p), where=speed > 1e-12)
    return np.asarray(p)


def _length(u: Floats, v: Floats, begin: Floats, span: Floats) -> Floats:
    """Length of parametric cubics from `begin` over a span of the parameter (…)."""
    p = begin[..., None] + span[..., None] * NODES
    return np.asarray(span * (np.hypot(cubic_rate(u[..., None, :], p), cubic_rate(v[..., None, :], p)) @ WEIGHTS))


def reach(u: Floats, v: Floats, length_m: Floats) -> Floats:
    """(k,) the parameter at which cubics with u = p are so long: it is no more than that, for p is u."""
    table: npt.NDArray[np.float64] = arc_lengths(u, v, length_m)
    return parameter_at(u, v, length_m, table, length_m)
