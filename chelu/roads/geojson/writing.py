"""Writes a road network as GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.network import Floats, Kind, RoadNetwork, User

Json = dict[str, Any]
PLACES_DEG, PLACES_M = 9, 3  # decimals: a tenth of a millimetre, a millimetre


def written(network: RoadNetwork, frame: LocalFrame) -> bytes:
    """The whole network, one feature a line."""
    writer = _Writer(network, frame)
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in writer.features())
    origin = json.dumps([frame.longitude_deg, frame.latitude_deg, frame.elevation_m])
    return f'{{"type":"FeatureCollection","origin":{origin},"features":[\n{lines}\n]}}\n'.encode()


class _Writer:
    def __init__(self, network: RoadNetwork, frame: LocalFrame) -> None:
        self._network, self._frame = network, frame

    def features(self) -> Iterator[Json]:
        """Nodes, links, lanes, ways on, signals."""
        network = self._network
        nodes, links, lanes = network.nodes, network.links, network.lanes
        names = [*map(str, nodes.id.tolist())]
        for row, name in enumerate(names):
            yield _feature(
                "node", {"type": "Point", "coordinates": self._at(nodes.position[row])}, id=name, kind=str(nodes.kind[row])
            )
            if len(nodes.area[row]):
                ring = self._along(nodes.area[row])
                yield _feature("area", {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, node=name)
        for row in range(len(links.id)):
            yield _feature("link", None, **self._link(row, names))
        for row in range(len(lanes.id)):
            yield _feature("lane", self._line(lanes.shape[row]), **self._lane(row))
        yield from self._ways()
        yield from self._signals()

    def _link(self, row: int, nodes: Sequence[str]) -> Json:
        links = self._network.links
        ends = links.from_node[row], links.to_node[row]
        return {
            "id": str(links.id[row]),
            "name": str(links.name[row]),
            "kind": Kind(links.kind[row]).name.lower(),
            "from_node": nodes[ends[0]] if ends[0] >= 0 else None,
            "to_node": nodes[ends[1]] if ends[1] >= 0 else None,
            "priority": int(links.priority[row]),
            "length_m": _number(links.length_m[row]),
            "speed_limit_mps": _number(links.speed_limit_mps[row]),
        }

    def _lane(self, row: int) -> Json:
        lanes = self._network.lanes
        return {
            "id": str(lanes.id[row]),
            "link": str(self._network.links.id[lanes.link[row]]),
            "index": int(lanes.index[row]),
            "width_m": _number(lanes.width_m[row]),
            "speed_limit_mps": _number(lanes.speed_limit_mps[row]),
            "length_m": _number(lanes.length_m[row]),
            "users": [one.name.lower() for one in User(int(lanes.users[row])) if one.name],
            "gradient": _number(lanes.gradient[row]),
            "deck": int(lanes.deck[row]),
        }

    def _ways(self) -> Iterator[Json]:
        ways, lanes = self._network.connections, self._network.lanes
        names = [*map(str, lanes.id.tolist())]
        for row, (begin, end, via) in enumerate(
            zip(ways.from_lane.tolist(), ways.to_lane.tolist(), ways.via.tolist(), strict=True)
        ):
            across = lanes.shape[via] if via >= 0 else np.array([lanes.shape[begin][-1], lanes.shape[end][0]])
            signal = int(ways.signal[row])
            yield _feature(
                "way", self._line(across), from_lane=names[begin], to_lane=names[end], via=names[via] if via >= 0 else None,
                direction=str(ways.direction[row]), signal=str(self._network.signals.id[signal]) if signal >= 0 else None,
                group=int(ways.group[row]) if ways.group[row] >= 0 else None,
            )  # fmt: skip

    def _signals(self) -> Iterator[Json]:
        signals, nodes = self._network.signals, self._network.nodes
        for row in range(len(signals.id)):
            mine = np.flatnonzero(signals.phase_signal == row)
            phases = [{"duration_s": float(signals.phase_duration_s[at]), "state": str(signals.phase_state[at])} for at in mine]
            node = int(signals.node[row])
            geometry = {"type": "Point", "coordinates": self._at(nodes.position[node])} if node >= 0 else None
            name = str(nodes.id[node]) if node >= 0 else None
            yield _feature(
                "signal", geometry, id=str(signals.id[row]), node=name, offset_s=float(signals.offset_s[row]), phases=phases
            )

    def _line(self, points: Floats) -> Json:
        return {"type": "LineString", "coordinates": self._along(points)}

    def _along(self, points: Floats) -> list[list[float]]:
        latitude, longitude, elevation = self._frame.to_geodetic(points)
        places = zip(longitude.tolist(), latitude.tolist(), elevation.tolist(), strict=True)
        return [[round(east, PLACES_DEG), round(north, PLACES_DEG), round(up, PLACES_M)] for east, north, up in places]

    def _at(self, point: Floats) -> list[float]:
        return self._along(point[None, :])[0]


def _feature(what: str, geometry: Json | None, **properties: Any) -> Json:
    return {"type": "Feature", "geometry": geometry, "properties": {"feature": what, **properties}}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
