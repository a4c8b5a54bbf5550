"""Reads OpenDRIVE 1.4 to 1.8 (.xodr).

Format: https://publications.pages.asam.net/standards/ASAM_OpenDRIVE/
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

from chelu.roads.opendrive.checks import notes_on
from chelu.roads.opendrive.left_out import left_out
from chelu.roads.opendrive.model import Junction, JunctionPath, OpenDrive, Road, RoadLink
from chelu.roads.opendrive.polynomials import Polynomials
from chelu.roads.opendrive.reading_geometry import reference_line
from chelu.roads.opendrive.reading_lanes import lane_sections, limit_mps
from chelu.roads.opendrive.reading_signals import signal_references, signals
from chelu.xml_tree import MAX_BYTES, Element, parse

Named = TypeVar("Named", Road, Junction)
LONGEST_M = 1_000_000.0  # of a road
REVISIONS = range(4, 9)  # minor ones of revision 1


def read(data: bytes, file: str = "OpenDRIVE", *, max_bytes: int = MAX_BYTES) -> OpenDrive:
    """The roads in a file; `file` is what errors call it.

    Raises `chelu.xml_tree.ElementError` (a MalformedError) with file, line and element for what cannot be read. What is not read
    is listed in `left_out`, what is doubtful in `notes`.
    """
    root = parse(data, file, root="OpenDRIVE", max_bytes=max_bytes)
    header = root.only("header")
    revision = header.integer("revMajor"), header.integer("revMinor", 0)
    if revision[0] != 1:
        raise header.wrong(f"revMajor = {revision[0]}: revision 1 is read")
    roads = _by_id([_road(element) for element in root.all("road")], root.all("road"))
    roads = signal_references(root, roads)
    junctions = _by_id([_junction(element) for element in root.all("junction")], root.all("junction"))
    geo, offset = header.first("geoReference"), header.first("offset")
    model = OpenDrive(
        file=file,
        revision=revision,
        name=header.get("name", ""),
        geo_reference=geo.text if geo is not None else "",
        offset_m=_offset(offset),
        roads=roads,
        junctions=junctions,
        controllers={
            one.needed("id"): tuple(each.needed("signalId") for each in one.all("control")) for one in root.all("controller")
        },
        left_out=left_out(root),
        notes=(),
    )
    doubtful = () if revision[1] in REVISIONS else (f"revision 1.{revision[1]} is read as if it were 1.4 to 1.8",)
    return replace(model, notes=(*doubtful, *notes_on(model)))


def _by_id(found: list[Named], elements: list[Element]) -> dict[str, Named]:
    named: dict[str, Named] = {}
    for one, element in zip(found, elements, strict=True):
        if one.id in named:
            raise element.wrong(f"id = {one.id!r}: another in line {named[one.id].line} has it")
        named[one.id] = one
    return named


def _offset(element: Element | None) -> tuple[float, float, float, float]:
    if element is None:
        return 0.0, 0.0, 0.0, 0.0
    return element.number("x", 0.0), element.number("y", 0.0), element.number("z", 0.0), element.number("hdg", 0.0)


def _road(element: Element) -> Road:
    length = element.number("length", low=0.0)
    if length > LONGEST_M:
        raise element.wrong(f"length = {length:g}: at most {LONGEST_M:g}")
    links = element.first("link")
    junction = element.get("junction", "-1")
    lanes = element.only("lanes")
    return Road(
        id=element.needed("id"),
        name=element.get("name", ""),
        length_m=length,
        junction=None if junction in {"-1", ""} else junction,
        is_left_hand=element.get("rule", "RHT") == "LHT",
        predecessor=_link(links, "predecessor"),
        successor=_link(links, "successor"),
        types=tuple(_type(one) for one in element.all("type")),
        reference=reference_line(element.only("planView")),
        elevation=polynomials(element.below("elevationProfile", "elevation"), "s"),
        superelevation=polynomials(element.below("lateralProfile", "superelevation"), "s"),
        lane_offset=polynomials(lanes.all("laneOffset"), "s"),
        sections=lane_sections(lanes, length),
        signals=signals(element),
        line=element.line,
    )


def polynomials(elements: list[Element], begin: str) -> Polynomials:
    """Of elements with a, b, c and d."""
    rows = [
        (one.number(begin), one.number("a"), one.number("b", 0.0), one.number("c", 0.0), one.number("d", 0.0)) for one in elements
    ]
    return Polynomials.of(rows)


def _link(links: Element | None, end: str) -> RoadLink | None:
    element = links.first(end) if links is not None else None
    if element is None:
        return None
    kind = element.get("elementType", "road")
    if kind not in {"road", "junction"}:
        raise element.wrong(f"elementType = {kind!r}: road or junction")
    return RoadLink(kind == "junction", element.needed("elementId"), contact(element))


def contact(element: Element) -> str:
    """Which end of the other road is met."""
    value = element.get("contactPoint", "start")
    if value not in {"start", "end"}:
        raise element.wrong(f"contactPoint = {value!r}: start or end")
    return value


def _type(element: Element) -> tuple[float, str, float]:
    speed = element.first("speed")
    return element.number("s", 0.0), element.get("type", "unknown"), limit_mps(speed) if speed is not None else math.nan


def _junction(element: Element) -> Junction:
    return Junction(
        id=element.needed("id"),
        name=element.get("name", ""),
        type=element.get("type", "default"),
        paths=tuple(_path(one) for one in element.all("connection") if one.get("type", "default") != "virtual"),
        controllers=tuple(one.needed("id") for one in element.all("controller")),
        line=element.line,
    )


def _path(element: Element) -> JunctionPath:
    """A connection; that of a direct junction names the road itself that one drives on to."""
    connecting = element.get("connectingRoad") or element.needed("linkedRoad")
    lanes = tuple((one.integer("from"), one.integer("to")) for one in element.all("laneLink"))
    return JunctionPath(element.get("incomingRoad", ""), connecting, contact(element), lanes)
