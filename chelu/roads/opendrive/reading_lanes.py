"""Lane sections with their lanes, and limits in the file's own units."""

from __future__ import annotations

import math
from itertools import pairwise

from chelu.roads.opendrive.model import Lane, LaneSection
from chelu.roads.opendrive.polynomials import Polynomials
from chelu.units import KMH_PER_MPS
from chelu.xml_tree import Element

MPS = {"m/s": 1.0, "km/h": 1.0 / KMH_PER_MPS, "mph": 0.44704}
NO_LIMIT = {"no limit": math.inf, "undefined": math.nan}


def lane_sections(lanes: Element, length_m: float) -> tuple[LaneSection, ...]:
    """The sections of a road in its order; each ends where the next begins."""
    found = sorted(lanes.all("laneSection"), key=lambda one: one.number("s", low=0.0))
    if not found:
        raise lanes.wrong("no <laneSection>")
    begins = [one.number("s") for one in found]
    ends = [after for _, after in pairwise(begins)] + [max(length_m, begins[-1])]
    return tuple(_section(one, begin, end) for one, begin, end in zip(found, begins, ends, strict=True))


def _section(element: Element, begin_m: float, end_m: float) -> LaneSection:
    lanes: dict[int, Lane] = {}
    for side in ("left", "right"):
        for one in element.below(side, "lane"):
            lane = _lane(one)
            if lane.id in lanes:
                raise one.wrong(f"id = {lane.id}: another lane of the section has it")
            if (lane.id > 0) != (side == "left"):
                raise one.wrong(f"id = {lane.id}: lanes on the {side} are numbered {'from 1' if side == 'left' else 'from -1'}")
            lanes[lane.id] = lane
    return LaneSection(begin_m, end_m, lanes, element.line)


def _lane(element: Element) -> Lane:
    return Lane(
        id=element.integer("id"),
        type=element.get("type", "none"),
        width=_polynomials(element.all("width")),
        border=_polynomials(element.all("border")),
        predecessors=tuple(one.integer("id") for one in element.below("link", "predecessor")),
        successors=tuple(one.integer("id") for one in element.below("link", "successor")),
        speeds=tuple((one.number("sOffset", 0.0), limit_mps(one)) for one in element.all("speed")),
        direction=element.get("direction", "standard"),
        line=element.line,
    )


def _polynomials(elements: list[Element]) -> Polynomials:
    names = ("sOffset", "a", "b", "c", "d")
    return Polynomials.of([tuple(one.number(name) for name in names) for one in elements])  # type: ignore[misc]  # five


def limit_mps(element: Element) -> float:
    """A speed limit: inf for "no limit", NaN for "undefined"."""
    text = element.needed("max")
    if text in NO_LIMIT:
        return NO_LIMIT[text]
    unit = element.get("unit") or "m/s"
    if unit not in MPS:
        raise element.wrong(f"unit = {unit!r}: one of {', '.join(MPS)}")
    return element.number("max", low=0.0) * MPS[unit]
