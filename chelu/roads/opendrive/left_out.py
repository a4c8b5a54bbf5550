"""Which elements of an OpenDRIVE file are read; everything else in it is counted, so that nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator

from chelu.roads.left_out import LeftOut, tally
from chelu.xml_tree import Element

_LANE = "road/lanes/laneSection/{side}/lane"
_SIDES = ("left", "center", "right")
_CURVES = ("line", "arc", "spiral", "poly3", "paramPoly3")

READ = frozenset({
    "header", "header/geoReference", "header/offset", "header/license",
    "road", "road/link", "road/link/predecessor", "road/link/successor", "road/type", "road/type/speed", "road/planView",
    "road/planView/geometry", *(f"road/planView/geometry/{curve}" for curve in _CURVES),
    "road/elevationProfile", "road/elevationProfile/elevation", "road/lateralProfile", "road/lateralProfile/superelevation",
    "road/lanes", "road/lanes/laneOffset", "road/lanes/laneSection",
    *(f"road/lanes/laneSection/{side}" for side in _SIDES), *(_LANE.format(side=side) for side in _SIDES),
    *(f"{_LANE.format(side=side)}/{part}" for side in _SIDES for part in ("link", "width", "border", "speed")),
    *(f"{_LANE.format(side=side)}/link/{end}" for side in _SIDES for end in ("predecessor", "successor")),
    "road/signals", "road/signals/signal", "road/signals/signal/validity", "road/signals/signalReference",
    "road/signals/signalReference/validity", "road/objects",
    "controller", "controller/control",
    "junction", "junction/connection", "junction/connection/laneLink", "junction/controller",
})  # fmt: skip


def left_out(root: Element) -> tuple[LeftOut, ...]:
    """What of a file is not read, in its order; of what is left out, what is in it is not counted again."""
    return tally(_unread(root, ""))


def _unread(element: Element, path: str) -> Iterator[tuple[str, int]]:
    for child in element.children:
        place = f"{path}/{child.tag}" if path else child.tag
        if place in READ:
            yield from _unread(child, place)
        else:
            yield place, child.line
    if element.get("singleSide") == "true":
        yield f"{path}/@singleSide", element.line
    if path == "junction" and element.get("type") == "virtual":
        yield "junction[@type='virtual']", element.line
