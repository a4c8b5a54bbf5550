"""Reads SUMO networks (.net.xml, gzipped or not) as `RoadNetwork`: junctions, edges, lanes with height, connections, signals.

Internal lanes, crossings and walking areas are read too. Tunnels and bridges are edges with a parameter ``tunnel`` or ``bridge``,
as netconvert's OpenStreetMap import writes them. Format: https://sumo.dlr.de/docs/Networks/SUMO_Road_Networks.html
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from chelu.errors import MalformedError
from chelu.roads.assemble import assemble
from chelu.roads.left_out import LeftOut, tally
from chelu.roads.network import (
    FEWEST_POINTS,
    FURTHEST_M,
    Connections,
    Floats,
    Kind,
    Lines,
    Links,
    Nodes,
    RoadNetwork,
    Signals,
    User,
    lines_of,
)
from chelu.xml_tree import Element, parse

READ: Mapping[str, frozenset[str]] = {
    "edge": frozenset({"lane", "param"}),
    "junction": frozenset(),
    "connection": frozenset(),
    "tlLogic": frozenset({"phase"}),
}
MAX_EXTENT_M = 200_000.0
MAX_BYTES = 256 << 20  # of XML; a city of 100 000 lanes takes about 100 MB

_FUNCTIONS = {"internal": Kind.JUNCTION, "crossing": Kind.CROSSING, "walkingarea": Kind.WALKING_AREA}
CLASSES = {
    "passenger": User.CAR, "private": User.CAR, "taxi": User.CAR, "hov": User.CAR, "evehicle": User.CAR, "delivery": User.TRUCK,
    "truck": User.TRUCK, "trailer": User.TRUCK, "bus": User.BUS, "coach": User.BUS, "motorcycle": User.MOTORCYCLE,
    "moped": User.MOTORCYCLE, "bicycle": User.BICYCLE, "pedestrian": User.PEDESTRIAN, "emergency": User.EMERGENCY,
    "rail": User.RAIL, "rail_urban": User.RAIL, "rail_electric": User.RAIL, "rail_fast": User.RAIL, "tram": User.RAIL,
    "subway": User.RAIL,
}  # fmt: skip
EVERYONE = User.CAR | User.TRUCK | User.BUS | User.MOTORCYCLE | User.BICYCLE | User.PEDESTRIAN | User.EMERGENCY


def read(data: bytes, file: str = "SUMO network", *, max_bytes: int = MAX_BYTES) -> RoadNetwork:
    """The network in a .net.xml or .net.xml.gz; `file` is what errors call it.

    Raises MalformedError (undecodable, overlong) naming what is wrong, as ElementError with file, line and element where it can.
    """
    return read_whole(data, file, max_bytes=max_bytes)[0]


def read_whole(data: bytes, file: str, *, max_bytes: int = MAX_BYTES) -> tuple[RoadNetwork, tuple[LeftOut, ...]]:
    """As `read`, and what of the file is not read."""
    root = parse(unpacked(data, max_bytes), file, root="net", max_bytes=max_bytes)
    return _network(root), tally(_unread(root))


def _unread(root: Element) -> Iterator[tuple[str, int]]:
    programmes = set[str]()
    for element in root.children:
        if element.tag not in READ:
            yield element.tag, element.line
            continue
        if element.tag == "tlLogic":
            name = element.get("id", "")
            if name in programmes:
                yield "tlLogic (further programmes)", element.line
            programmes.add(name)
        for child in element.children:
            if child.tag not in READ[element.tag]:
                yield f"{element.tag}/{child.tag}", child.line
            yield from ((f"{element.tag}/{child.tag}/{one.tag}", one.line) for one in child.children)


def unpacked(data: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """A file without its gzip, if it has one; MalformedError for one that is broken, or unpacks to more."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(max_bytes + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise MalformedError("undecodable", f"gzip: {error}") from None
    if len(data) > max_bytes:
        raise MalformedError("overlong", f"it has more than {max_bytes} bytes")
    return data


def _network(root: Element) -> RoadNetwork:
    edges = [edge for edge in root.all("edge") if edge.first("lane") is not None]
    pairs = [(row, lane) for row, edge in enumerate(edges) for lane in edge.all("lane")]
    lanes = [lane for _, lane in pairs]
    lane_link = np.array([row for row, _ in pairs], np.int32)
    nodes = _nodes(root)
    row_of = {str(name): row for row, name in enumerate(nodes.id.tolist())}
    lane_of = {lane.needed("id"): row for row, lane in enumerate(lanes)}
    signals = _signals(root, row_of)
    return assemble(
        nodes=nodes,
        links=_links(edges, row_of),
        lane_id=_strings(lane.needed("id") for lane in lanes),
        lane_link=lane_link,
        lane_index=np.array([lane.integer("index") for lane in lanes], np.int32),
        width_m=_floats(lanes, "width", 3.2, low=0.0),
        speed_limit_mps=_floats(lanes, "speed", low=0.0),
        length_m=_floats(lanes, "length", low=0.0),
        users=np.array([_users(lane) for lane in lanes], np.int32),
        shape=_shapes(lanes),
        connections=_connections(root, lane_of, signals),
        signals=signals,
    )


def _nodes(root: Element) -> Nodes:
    found = [node for node in root.all("junction") if node.get("type") != "internal"]
    position = np.array([[node.number(axis, 0.0) for axis in "xyz"] for node in found]).reshape(-1, 3)
    return Nodes(
        _strings(node.needed("id") for node in found),
        position,
        _strings(node.get("type", "") for node in found),
        lines_of([_shape(node, node.get("shape", "")) for node in found]),
    )


def _links(edges: Sequence[Element], row_of: dict[str, int]) -> Links:
    inner = [row_of.get(edge.needed("id")[1:].rpartition("_")[0], -1) if edge.get("function") else -1 for edge in edges]
    ends = [[row_of.get(edge.get(end, ""), home) for edge, home in zip(edges, inner, strict=True)] for end in ("from", "to")]
    first = [edge.first("lane") for edge in edges]
    lanes = [lane for lane in first if lane is not None]
    return Links(
        id=_strings(edge.needed("id") for edge in edges),
        name=_strings(edge.get("name", "") for edge in edges),
        from_node=np.array(ends[0], np.int32),
        to_node=np.array(ends[1], np.int32),
        length_m=_floats(lanes, "length"),
        speed_limit_mps=np.array([max(lane.number("speed") for lane in edge.all("lane")) for edge in edges]),
        priority=np.array([edge.integer("priority", -1) for edge in edges], np.int32),
        kind=np.array([_kind(edge) for edge in edges], np.int8),
    )


def _kind(edge: Element) -> Kind:
    function = edge.get("function", "normal")
    if function in _FUNCTIONS:
        return _FUNCTIONS[function]
    set_params = {param.get("key") for param in edge.all("param") if param.get("value") not in {"no", "false", "0", ""}}
    return Kind.TUNNEL if "tunnel" in set_params else Kind.BRIDGE if "bridge" in set_params else Kind.ROAD


def _users(lane: Element) -> int:
    allow, disallow = lane.get("allow"), lane.get("disallow")
    if allow is not None:
        return int(EVERYONE if allow == "all" else _classes(allow))
    if disallow is None:
        return int(EVERYONE)
    # a class is shut out when none of SUMO's classes that we count to it is left
    barred = set(disallow.split()) if disallow != "all" else set(CLASSES)
    return int(EVERYONE & _classes(" ".join(name for name in CLASSES if name not in barred)))


def _classes(names: str) -> User:
    users = User(0)
    for name in names.split():
        users |= CLASSES.get(name, User(0))
    return users


def _connections(root: Element, lane_of: dict[str, int], signals: Signals) -> Connections:
    found = root.all("connection")
    signal_of = {str(name): row for row, name in enumerate(signals.id.tolist())}
    signal = np.array([signal_of.get(item.get("tl", ""), -1) for item in found], np.int32)
    group = np.array([item.integer("linkIndex", -1) for item in found], np.int32)
    return Connections(
        from_lane=np.array([_lane_named(item, "from", lane_of) for item in found], np.int32),
        to_lane=np.array([_lane_named(item, "to", lane_of) for item in found], np.int32),
        via=np.array([lane_of.get(item.get("via", ""), -1) for item in found], np.int32),
        direction=_strings(item.get("dir", "") for item in found),
        signal=signal,
        group=np.where(signal >= 0, group, -1).astype(np.int32),
    )


def _lane_named(connection: Element, end: str, lane_of: dict[str, int]) -> int:
    name = f"{connection.needed(end)}_{connection.needed(f'{end}Lane')}"
    if name not in lane_of:
        raise connection.wrong(f"it leads {end} the lane {name}, which is not there")
    return lane_of[name]


def _signals(root: Element, row_of: dict[str, int]) -> Signals:
    programmes: dict[str, Element] = {}
    for logic in root.all("tlLogic"):
        programmes.setdefault(logic.needed("id"), logic)
    phases = [(row, phase) for row, logic in enumerate(programmes.values()) for phase in logic.all("phase")]
    return Signals(
        id=_strings(programmes),
        node=np.array([row_of.get(name, -1) for name in programmes], np.int32),
        offset_s=np.array([logic.number("offset", 0.0) for logic in programmes.values()]),
        phase_signal=np.array([row for row, _ in phases], np.int32),
        phase_duration_s=np.array([phase.number("duration") for _, phase in phases]),
        phase_state=_strings(phase.needed("state") for _, phase in phases),
    )


def _shape(element: Element, text: str) -> Floats:
    """Points (k, 3); a point without a height lies at 0."""
    try:
        points = [[float(number) for number in point.split(",")] for point in text.split()]
        shape = np.array([(*point, 0.0)[:3] for point in points], np.float64).reshape(-1, 3)
    except ValueError:
        raise element.wrong(f"shape = {text[:40]!r}: x,y or x,y,z of each point") from None
    if not np.isfinite(shape).all():
        raise element.wrong(f"shape = {text[:40]!r}: finite numbers")
    return shape


def _shapes(lanes: Sequence[Element]) -> Lines:
    """All lanes' shapes; a network wider than a region would be a mistake, and its index would not fit into memory."""
    shapes = [_shape(lane, lane.needed("shape")) for lane in lanes]
    for lane, shape in zip(lanes, shapes, strict=True):
        if len(shape) < FEWEST_POINTS:
            told = "no point" if not len(shape) else f"one point, {lane.needed('shape')[:40]!r}"
            raise lane.wrong(f"lane {lane.needed('id')}: its shape has {told}; a line has two at least")
    lines = lines_of(shapes)
    extent = float(np.ptp(lines.points, axis=0).max()) if len(lines.points) else 0.0
    if extent > MAX_EXTENT_M:
        far = lanes[int(np.argmax([np.abs(shape).max() for shape in shapes]))]
        raise far.wrong(f"the network is {np.rint(extent):.7g} m wide, the limit is {MAX_EXTENT_M:.0f} m")
    furthest = np.array([np.abs(shape).max() for shape in shapes])
    if len(furthest) and furthest.max() > FURTHEST_M:
        problem = f"it lies {furthest.max():.7g} m from the origin, the limit is {FURTHEST_M:.0f} m"
        raise lanes[int(np.argmax(furthest))].wrong(problem)
    return lines


def _floats(elements: Sequence[Element], key: str, default: float | None = None, *, low: float = -math.inf) -> Floats:
    return np.array([element.number(key, default, low=low) for element in elements], np.float64)


def _strings(values: Iterable[str]) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    return np.array(list(values), np.str_).reshape(-1)
