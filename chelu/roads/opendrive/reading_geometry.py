"""A planView's geometries as a reference line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chelu.roads.opendrive.curves import MOST_TURN_RAD
from chelu.roads.opendrive.reference_line import Curve, Geometry, ReferenceLine
from chelu.xml_tree import Element

SHORTEST_M = 1e-9  # shorter pieces are none
FURTHEST_M = 200_000.0  # of a piece from its beginning: as of all roads together


def reference_line(plan_view: Element) -> ReferenceLine:
    """All pieces; ElementError for one that is no curve of OpenDRIVE, and when there is none with a length."""
    pieces = [_geometry(element) for element in plan_view.all("geometry")]
    long_enough = [piece for piece in pieces if piece.length_m > SHORTEST_M]
    if not long_enough:
        raise plan_view.wrong("no geometry with a length")
    return ReferenceLine.of(long_enough)


def _geometry(element: Element) -> Geometry:
    curves = [child for child in element.children if child.tag in _CURVES]
    if len(curves) != 1:
        raise element.wrong("exactly one of " + ", ".join(f"<{name}>" for name in _CURVES))
    length = element.number("length", low=0.0)
    return Geometry(
        s_m=element.number("s", low=0.0),
        x_m=element.number("x"),
        y_m=element.number("y"),
        heading_rad=element.number("hdg"),
        length_m=length,
        **_CURVES[curves[0].tag](curves[0], length),
    )


def _line(_element: Element, _length_m: float) -> Mapping[str, Any]:
    return {"kind": Curve.LINE}


def _arc(element: Element, length_m: float) -> Mapping[str, Any]:
    curvature = element.number("curvature")
    _check_turn(element, abs(curvature) * length_m)
    return {"kind": Curve.ARC, "curvature_1pm": curvature}


def _spiral(element: Element, length_m: float) -> Mapping[str, Any]:
    begin, end = element.number("curvStart"), element.number("curvEnd")
    _check_turn(element, (abs(begin) + abs(end)) * length_m)
    return {"kind": Curve.SPIRAL, "curvature_1pm": begin, "end_curvature_1pm": end}


def _check_turn(element: Element, turn_rad: float) -> None:
    if turn_rad > MOST_TURN_RAD:
        raise element.wrong(f"it turns by {turn_rad:.7g} rad, at most {MOST_TURN_RAD:.0f} are read")


def _poly3(element: Element, length_m: float) -> Mapping[str, Any]:
    return {"kind": Curve.POLY3, "v": _coefficients(element, "", length_m)}


def _param_poly3(element: Element, length_m: float) -> Mapping[str, Any]:
    runs = element.get("pRange", "normalized")
    if runs not in {"arcLength", "normalized"}:
        raise element.wrong(f"pRange = {runs!r}: arcLength or normalized")
    by_length = runs == "arcLength"
    return {
        "kind": Curve.PARAM_POLY3,
        "u": _coefficients(element, "U", length_m if by_length else 1.0),
        "v": _coefficients(element, "V", length_m if by_length else 1.0),
        "is_by_length": by_length,
    }


def _coefficients(element: Element, axis: str, most: float) -> tuple[float, float, float, float]:
    """Of a cubic up to a parameter; ElementError for one whose terms lie further away than any road."""
    a, b, c, d = (element.number(f"{name}{axis}") for name in "abcd")
    away_m = max(abs(one) * most**power for power, one in enumerate((a, b, c, d)))
    if away_m > FURTHEST_M:
        raise element.wrong(f"a{axis} … d{axis} lead {away_m:.7g} m away, at most {FURTHEST_M:.0f} m are read")
    return a, b, c, d


_CURVES: Mapping[str, Callable[[Element, float], Mapping[str, Any]]] = {
    "line": _line, "arc": _arc, "spiral": _spiral, "poly3": _poly3, "paramPoly3": _param_poly3,
}  # fmt: skip
