"""Opens a road file of any format that is read, by what is in it and not by its name."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads import sumo
from chelu.roads.geojson import reading as geojson_reading
from chelu.roads.lanelet2 import network as lanelet2_network
from chelu.roads.lanelet2 import reading as lanelet2_reading
from chelu.roads.left_out import LeftOut
from chelu.roads.mapdata import documents
from chelu.roads.mapdata import network as map_network
from chelu.roads.mapdata.documents import is_map
from chelu.roads.network import RoadNetwork
from chelu.roads.opendrive import network as opendrive_network
from chelu.roads.opendrive import reading as opendrive_reading
from chelu.xml_tree import ElementError

PATTERNS = ("*.xodr", "*.osm", "*.net.xml", "*.net.xml.gz", "*.geojson", "*.uper")  # of road files in a directory
_ROOT = re.compile(rb"<\s*([A-Za-z_][\w.-]*)")
_HEAD = 1 << 16  # bytes in which the root element must begin
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A road file as it was read.

    frame: where on Earth the network's metres begin, None when the file does not say. figures: the format, and what of its own
    kind is in the file. remarks: what else it says of itself. left_out, notes: as the format's reader has them.
    """

    format: str
    network: RoadNetwork
    frame: LocalFrame | None
    figures: str
    remarks: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def open_roads(data: bytes, file: str, *, origin: LocalFrame | None = None) -> Opened:
    """The roads in a file, packed with gzip or not; origin: where local metres are to begin, for formats with places on Earth.

    Raises MalformedError for what cannot be read; ElementError for XML that is none of the formats.
    """
    data = sumo.unpacked(data).removeprefix(codecs.BOM_UTF8)
    with np.errstate(over="ignore", invalid="ignore"):  # what comes to more than any road has is refused, whatever it is
        if is_map(data):
            return _map(data, file, origin)
        if data.lstrip()[:1] == b"{":
            return _geojson(data, file, origin)
        root = _root(data)
        if root not in _READERS:
            raise ElementError(file, 1, "", f"{_instead(data, root)}: {_WANTED}")
        return _READERS[root](data, file, origin)


def _instead(data: bytes, root: str) -> str:
    """What a file is that is none of the formats."""
    if root:
        return f"the root element is {root!r}"
    if not data.strip():
        return "the file is empty"
    return f"it begins with {data.lstrip()[:8]!r}, which is no XML, no JSON object and no MAP"


def _root(data: bytes) -> str:
    """The name of the first element; empty when there is none."""
    head = data[:_HEAD]
    if head.startswith(_UTF_16):
        head = head.decode("utf-16", errors="ignore").encode("utf-8", errors="ignore")
    head = re.sub(rb"<!--.*?-->|<[?!][^>]*>", b"", head, flags=re.DOTALL)
    found = _ROOT.search(head)
    return found.group(1).decode() if found else ""


def _opendrive(data: bytes, file: str, _origin: LocalFrame | None) -> Opened:
    model = opendrive_reading.read(data, file)
    km = sum(road.length_m for road in model.roads.values()) / 1000.0
    figures = f"OpenDRIVE 1.{model.revision[1]}, {len(model.roads)} roads ({km:.2f} km), {len(model.junctions)} junctions"
    said = {"geoReference": model.geo_reference, "offset": " ".join(map(str, model.offset_m)) if any(model.offset_m) else ""}
    remarks = tuple(f"{name}: {what}" for name, what in said.items() if what)
    return Opened(
        format="opendrive", network=opendrive_network.network_of(model), frame=None, figures=figures,
        remarks=remarks, left_out=model.left_out, notes=model.notes,
    )  # fmt: skip


def _lanelet2(data: bytes, file: str, origin: LocalFrame | None) -> Opened:
    model = lanelet2_reading.read(data, file, origin=origin)
    frame = model.frame
    return Opened(
        format="lanelet2",
        network=lanelet2_network.network_of(model),
        frame=frame,
        figures=f"lanelet2, {len(model.lanelets)} lanelets, {len(model.regulations)} regulatory elements",
        remarks=(f"metres begin at {frame.latitude_deg:.7f}, {frame.longitude_deg:.7f}",) if frame else ("local coordinates",),
        left_out=model.left_out,
        notes=model.notes,
    )


def _sumo(data: bytes, file: str, _origin: LocalFrame | None) -> Opened:
    network, left_out = sumo.read_whole(data, file)
    figures = f"SUMO, {len(network.links.id)} edges, {len(network.nodes.id)} junctions"
    return Opened(format="sumo", network=network, frame=None, figures=figures, left_out=left_out)


def _map(data: bytes, file: str, origin: LocalFrame | None) -> Opened:
    messages = documents.read(data, file)
    found = map_network.network_of(messages, file, origin)
    figures = f"MAP, {len(messages)} messages, {found.nodes} nodes, {found.ways} ways on"
    return Opened(
        format="map", network=found.network, frame=found.frame, figures=figures, left_out=found.left_out, notes=found.notes
    )


def _geojson(data: bytes, file: str, _origin: LocalFrame | None) -> Opened:
    network, frame = geojson_reading.read(data, file)
    figures = f"GeoJSON, {len(network.links.id)} links, {len(network.nodes.id)} nodes"
    return Opened(format="geojson", network=network, frame=frame, figures=figures)


_READERS: Mapping[str, Callable[[bytes, str, LocalFrame | None], Opened]] = {
    "OpenDRIVE": _opendrive,
    "osm": _lanelet2,
    "net": _sumo,
}
_WANTED = (
    f"XML with the root element {', '.join(list(_READERS)[:-1])} or {list(_READERS)[-1]} is wanted, or a MAP message in UPER,"
    " hexadecimal (whole bytes, one message a line) or JSON, or GeoJSON"
)
