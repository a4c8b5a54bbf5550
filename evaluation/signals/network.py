"""What the judge has to know of a SUMO network beyond what SUMO tells: edges, who comes from where, which signals are foes.

Format: https://sumo.dlr.de/docs/Networks/SUMO_Road_Networks.html. A junction's requests are numbered as its internal lanes are
listed; a link that waits inside the junction is listed by its second internal lane.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError
from chelu.xml_tree import MAX_BYTES, Element, parse

Signal = tuple[str, int]  # a traffic light and its link index


@dataclass(frozen=True, slots=True)
class Edge:
    """A road between two junctions."""

    length_m: float
    lanes: int
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Network:
    """before: the edges that lead into an edge. foes, yields: of a signal, the ones that cross it, and those it gives way to."""

    edges: dict[str, Edge]
    before: dict[str, set[str]]
    foes: dict[Signal, set[Signal]]
    yields: dict[Signal, set[Signal]]
    lights: dict[str, set[int]]

    @property
    def crossings(self) -> int:
        """How many traffic lights there are."""
        return len(self.lights)


def read_file(option: str, file: Path) -> bytes:
    """A file's bytes, unpacked; ConfigurationError naming the option when there is none."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(option, str(file), f"a file that can be read ({error.strerror})") from None
    if data[:2] != b"\x1f\x8b":
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise ConfigurationError(option, str(file), f"a gzip file that is whole ({error})") from None
    if unpacker.unconsumed_tail:
        raise ConfigurationError(option, str(file), f"at most {MAX_BYTES} bytes of XML")
    return found


def read(file: Path, option: str = "--net") -> Network:
    """A network; ConfigurationError or MalformedError saying what is wrong."""
    root = parse(read_file(option, file), file.name, root="net")
    edges = {edge.needed("id"): _edge(edge) for edge in root.all("edge") if edge.get("function", "normal") == "normal"}
    connections = root.all("connection")
    before: dict[str, set[str]] = defaultdict(set)
    for one in connections:
        if one.needed("from") in edges:
            before[one.needed("to")].add(one.needed("from"))
    foes, yields = _requests(root, connections)
    lights: dict[str, set[int]] = defaultdict(set)
    for one in connections:
        if (light := one.get("tl")) is not None:
            lights[light].add(one.integer("linkIndex"))
    return Network(edges, dict(before), foes, yields, dict(lights))


def _edge(edge: Element) -> Edge:
    lanes = edge.all("lane")
    if not lanes:
        raise edge.wrong("it has no lane")
    return Edge(lanes[0].number("length", low=0.0), len(lanes), lanes[0].number("speed", low=0.1))


def _requests(root: Element, connections: list[Element]) -> tuple[dict[Signal, set[Signal]], dict[Signal, set[Signal]]]:
    """For every signal whom it crosses, and to whom it gives way."""
    junctions = [one for one in root.all("junction") if one.get("type") != "internal"]  # whose list is of foes, not its own
    place = {lane: (junction, row) for junction in junctions for row, lane in enumerate(junction.get("intLanes", "").split())}
    onward = {f"{one.needed('from')}_{one.get('fromLane', '0')}": one.get("via") for one in connections}
    at: dict[tuple[int, int], set[Signal]] = defaultdict(set)  # of a junction's request, the signals
    for one in connections:
        lane = one.get("via") or f"{one.needed('to')}_{one.get('toLane', '0')}"
        if lane not in place:
            lane = onward.get(lane) or lane
        if (light := one.get("tl")) is not None and lane in place:
            junction, row = place[lane]
            at[id(junction), row].add((light, one.integer("linkIndex")))
    foes: dict[Signal, set[Signal]] = defaultdict(set)
    yields: dict[Signal, set[Signal]] = defaultdict(set)
    for junction in junctions:
        for request in junction.all("request"):
            here = at[id(junction), request.integer("index")]
            for found, bits in ((foes, request.needed("foes")), (yields, request.needed("response"))):
                others = {one for row, bit in enumerate(reversed(bits)) if bit == "1" for one in at[id(junction), row]}
                for signal in here:
                    found[signal] |= others - here
    return dict(foes), dict(yields)
