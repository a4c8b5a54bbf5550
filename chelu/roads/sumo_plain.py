"""A road network as SUMO's plain XML: nodes, edges, connections and signals, of which SUMO's netconvert makes a network.

Paths across junctions, crossings and walking areas are not written: netconvert makes its own. A signal without a programme is
written as one that is switched off, so that its groups are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import numpy as np

from chelu.roads.geometry import beside
from chelu.roads.network import Floats, Kind, RoadNetwork, User
from chelu.roads.sumo import CLASSES, EVERYONE

WRITTEN = (Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE)
NODE_KINDS = frozenset({
    "priority", "traffic_light", "right_before_left", "left_before_right", "unregulated", "traffic_light_unregulated",
    "allway_stop", "priority_stop", "zipper", "rail_signal", "rail_crossing", "dead_end",
})  # fmt: skip
OFF, OFF_S = "O", 60.0  # the state of a group of which nothing is known, and how long it lasts
OPTIONS = "--offset.disable-normalization --no-turnarounds --junctions.corner-detail 0"


def written(network: RoadNetwork) -> dict[str, bytes]:
    """The four files by the end of their names: nod.xml, edg.xml, con.xml, tll.xml."""
    writer = _Writer(network)
    parts = {
        "nod.xml": ("nodes", writer.nodes()),
        "edg.xml": ("edges", writer.edges()),
        "con.xml": ("connections", writer.connections()),
        "tll.xml": ("tlLogics", writer.signals()),
    }
    return {name: "\n".join([f"<{root}>", *lines, f"</{root}>", ""]).encode() for name, (root, lines) in parts.items()}


class _Writer:
    def __init__(self, network: RoadNetwork) -> None:
        self._network = network
        links = network.links
        has_ends = (links.from_node >= 0) & (links.to_node >= 0)
        self._links = np.flatnonzero(np.isin(links.kind, WRITTEN) & has_ends).tolist()
        self._is_written = np.isin(network.lanes.link, self._links)
        connections = network.connections
        self._ways = np.flatnonzero(self._is_written[connections.from_lane] & self._is_written[connections.to_lane]).tolist()

    def nodes(self) -> Iterator[str]:
        """Those that links begin or end at; with their signals."""
        network, links = self._network, self._network.links
        met = {int(end[link]) for link in self._links for end in (links.from_node, links.to_node)}
        signals = self._signals_at()
        for row in sorted(met):
            x, y, z = network.nodes.position[row].tolist()
            kind = str(network.nodes.kind[row])
            more = (
                {"type": "traffic_light", "tl": signals[row]} if row in signals else {"type": kind} if kind in NODE_KINDS else {}
            )
            yield _tag("node", id=network.nodes.id[row], x=f"{x:.3f}", y=f"{y:.3f}", z=f"{z:.3f}", **more)

    def _signals_at(self) -> dict[int, str]:
        """Nodes whose ways on a signal holds."""
        network = self._network
        found: dict[int, str] = {}
        for row in self._ways:
            signal = int(network.connections.signal[row])
            if signal >= 0:
                link = network.lanes.link[network.connections.from_lane[row]]
                found[int(network.links.to_node[link])] = str(network.signals.id[signal])
        return found

    def edges(self) -> Iterator[str]:
        """Links with their lanes, each of which has its own line."""
        links, lanes, nodes = self._network.links, self._network.lanes, self._network.nodes
        for link in self._links:
            rows = sorted(np.flatnonzero(lanes.link == link).tolist(), key=lambda row: int(lanes.index[row]))
            name = {"name": links.name[link]} if links.name[link] else {}
            ends = {"from": nodes.id[links.from_node[link]], "to": nodes.id[links.to_node[link]]}
            more = {"priority": int(links.priority[link]), "numLanes": len(rows), "spreadType": "right"}
            yield _opened("edge", id=links.id[link], **ends, **name, **more, shape=_shape(self._axis(link, rows[-1])))
            for index, row in enumerate(rows):
                yield "  " + _tag("lane", index=index, **self._lane(row))
            if links.kind[link] in {Kind.TUNNEL, Kind.BRIDGE}:
                yield "  " + _tag("param", key=Kind(links.kind[link]).name.lower(), value="yes")
            yield "</edge>"

    def _axis(self, link: int, leftmost: int) -> Floats:
        """An edge's own line: from node to node along the left border of its lanes, as SUMO's networks have it."""
        lanes, links, position = self._network.lanes, self._network.links, self._network.nodes.position
        border = beside(lanes.shape[leftmost], -float(lanes.width_m[leftmost]) / 2.0)
        return np.concatenate([position[links.from_node[link]][None], border, position[links.to_node[link]][None]])

    def _lane(self, row: int) -> dict[str, object]:
        lanes = self._network.lanes
        users, limit = User(int(lanes.users[row])), float(lanes.speed_limit_mps[row])
        found: dict[str, object] = {"speed": f"{limit:.2f}"} if np.isfinite(limit) else {}
        found |= {"width": f"{lanes.width_m[row]:.2f}", "shape": _shape(lanes.shape[row])}
        if users != EVERYONE:
            found["allow"] = " ".join(name for name, user in CLASSES.items() if user & users) or "custom1"
        return found

    def connections(self) -> Iterator[str]:
        """Ways on from lane to lane."""
        for row in self._ways:
            yield _tag("connection", **self._ends(row))

    def _ends(self, row: int) -> dict[str, object]:
        ways, lanes, links = self._network.connections, self._network.lanes, self._network.links
        begin, end = int(ways.from_lane[row]), int(ways.to_lane[row])
        return {
            "from": links.id[lanes.link[begin]],
            "to": links.id[lanes.link[end]],
            "fromLane": int(lanes.index[begin]),
            "toLane": int(lanes.index[end]),
        }

    def signals(self) -> Iterator[str]:
        """Programmes, and which of a signal's groups holds which way on."""
        signals, ways = self._network.signals, self._network.connections
        held = [row for row in self._ways if ways.signal[row] >= 0]
        for signal in sorted({int(ways.signal[row]) for row in held}):
            name, offset = signals.id[signal], f"{signals.offset_s[signal]:g}"
            yield _opened("tlLogic", id=name, type="static", programID="0", offset=offset)
            groups = 1 + max(int(ways.group[row]) for row in held if ways.signal[row] == signal)
            for duration, state in self._phases(signal, groups):
                yield "  " + _tag("phase", duration=f"{duration:g}", state=state)
            yield "</tlLogic>"
        for row in held:
            yield _tag("connection", **self._ends(row), tl=signals.id[ways.signal[row]], linkIndex=int(ways.group[row]))

    def _phases(self, signal: int, groups: int) -> list[tuple[float, str]]:
        signals = self._network.signals
        mine = np.flatnonzero(signals.phase_signal == signal).tolist()
        found = [(float(signals.phase_duration_s[row]), str(signals.phase_state[row])) for row in mine]
        return found or [(OFF_S, OFF * groups)]


def _shape(points: Floats) -> str:
    return " ".join(f"{x:.3f},{y:.3f},{z:.3f}" for x, y, z in points.tolist())


def _tag(tag: str, **attributes: object) -> str:
    return _opened(tag, **attributes)[:-1] + "/>"


def _opened(tag: str, **attributes: object) -> str:
    return f"<{tag} " + " ".join(f"{name}={quoteattr(str(value))}" for name, value in attributes.items()) + ">"
