"""Reads the GeoJSON that `chelu.roads.geojson.writing` writes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.messages import DropReason
from chelu.roads.assemble import assemble
from chelu.roads.network import (
    FEWEST_POINTS,
    Connections,
    Floats,
    Integers,
    Kind,
    Links,
    Nodes,
    RoadNetwork,
    Signals,
    Strings,
    User,
    lines_of,
)

Json = dict[str, Any]
LARGEST_M = 200_000.0
_NO_ORIGIN = (
    "GeoJSON without the member origin ([longitude, latitude, elevation] of where metres begin): roads are read in the GeoJSON"
    " that `chelu roads convert` writes"
)


def read(data: bytes, file: str = "GeoJSON") -> tuple[RoadNetwork, LocalFrame]:
    """The network that `written` wrote, and its frame; MalformedError names the file and the first feature that is none."""
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or "origin" not in document:
            raise MalformedError(DropReason.UNDECODABLE, f"{file}: {_NO_ORIGIN}")
        longitude, latitude, elevation = document["origin"]
        frame = LocalFrame(latitude, longitude, elevation)
        found: dict[str, list[tuple[int, Json]]] = defaultdict(list)
        for number, feature in enumerate(document["features"]):
            found[feature["properties"]["feature"]].append((number, feature))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise MalformedError(DropReason.UNDECODABLE, f"{file}: no GeoJSON of roads: {type(error).__name__} {error}") from None
    try:
        return _Reader(found, frame, file).network(), frame
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise MalformedError(DropReason.UNDECODABLE, f"{file}: {type(error).__name__} {error}") from None


class _Reader:
    """Finds rows by names; a fault names the feature by its number in the collection."""

    def __init__(self, found: Mapping[str, Sequence[tuple[int, Json]]], frame: LocalFrame, file: str) -> None:
        self._found, self._frame, self._file = found, frame, file
        self._row = {what: self._names(what) for what in ("node", "link", "lane", "signal")}

    def network(self) -> RoadNetwork:
        """All of it together."""
        nodes, links, signals = self._nodes(), self._links(), self._signals()
        lanes = self._columns("lane", ("id", "link", "index", "width_m", "speed_limit_mps", "length_m", "users"))
        return assemble(
            nodes=nodes,
            links=links,
            lane_id=_texts(lanes["id"]),
            lane_link=self._rows("link", "lane", lanes["link"]),
            lane_index=np.array(lanes["index"], np.int32),
            width_m=self._sizes("lane", lanes, "width_m"),
            speed_limit_mps=self._sizes("lane", lanes, "speed_limit_mps"),
            length_m=self._sizes("lane", lanes, "length_m"),
            users=np.array([sum(User[one.upper()] for one in names) for names in lanes["users"]], np.int32),
            shape=lines_of([self._line(number, feature) for number, feature in self._found.get("lane", ())]),
            connections=self._ways(),
            signals=signals,
        )

    def _names(self, what: str) -> dict[str, int]:
        rows: dict[str, int] = {}
        for row, (number, feature) in enumerate(self._found.get(what, ())):
            name = feature["properties"].get("id")
            if not isinstance(name, str) or rows.setdefault(name, row) != row:
                raise self._wrong(number, f"the {what}'s id {name!r} is no text, or another has it")
        return rows

    def _wrong(self, number: int, problem: str) -> MalformedError:
        return MalformedError(DropReason.UNDECODABLE, f"{self._file}: features[{number}]: {problem}")

    def _rows(self, what: str, whose: str, names: Sequence[str | None]) -> Integers:
        """The rows of what others name; -1 where they name nothing."""
        known = self._row[what]
        for row, name in enumerate(names):
            if name is not None and name not in known:
                raise self._wrong(self._found[whose][row][0], f"there is no {what} {name!r}")
        return np.array([-1 if name is None else known[name] for name in names], np.int32)

    def _columns(self, what: str, names: Sequence[str]) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {name: [] for name in names}
        for number, feature in self._found.get(what, ()):
            for name in names:
                if name not in feature["properties"]:
                    raise self._wrong(number, f"the {what} has no {name}")
                columns[name].append(feature["properties"][name])
        return columns

    def _sizes(self, what: str, columns: Mapping[str, list[Any]], name: str) -> Floats:
        """Numbers that are not below 0, NaN for null."""
        found = _floats(columns[name])
        for row in np.flatnonzero(found < 0)[:1].tolist():
            raise self._wrong(self._found[what][row][0], f"{what} {columns['id'][row]}: {name} = {found[row]:g}: at least 0")
        return found

    def _line(self, number: int, feature: Json) -> Floats:
        """A lane's points; further away, or higher, is a mistake, and their index would not fit into memory."""
        line = self._places(feature["geometry"]["coordinates"])
        if len(line) < FEWEST_POINTS:
            name = feature["properties"]["id"]
            raise self._wrong(number, f"lane {name}: its coordinates are {len(line)} points, a line has two at least")
        if len(line) and not (away_m := float(np.abs(line).max())) <= LARGEST_M:
            raise self._wrong(
                number, f"it lies {np.rint(away_m / 1000):.7g} km from the origin, the limit is {LARGEST_M / 1000:.0f} km"
            )
        return line

    def _places(self, coordinates: Sequence[Sequence[float]]) -> Floats:
        places = np.array(coordinates, np.float64).reshape(-1, 3)
        if np.isinf(places).any():
            raise MalformedError(DropReason.UNDECODABLE, f"{self._file}: a coordinate is no finite number")
        return self._frame.to_local(places[:, 1], places[:, 0], places[:, 2])

    def _nodes(self) -> Nodes:
        columns = self._columns("node", ("id", "kind"))
        areas = {
            feature["properties"]["node"]: feature["geometry"]["coordinates"][0][:-1]
            for _, feature in self._found.get("area", ())
        }
        points = [feature["geometry"]["coordinates"] for _, feature in self._found.get("node", ())]
        return Nodes(
            id=_texts(columns["id"]),
            position=self._places(points),
            kind=_texts(columns["kind"]),
            area=lines_of([self._places(areas[name]) if name in areas else np.empty((0, 3)) for name in columns["id"]]),
        )

    def _links(self) -> Links:
        names = ("id", "name", "kind", "from_node", "to_node", "priority", "length_m", "speed_limit_mps")
        columns = self._columns("link", names)
        return Links(
            id=_texts(columns["id"]),
            name=_texts(columns["name"]),
            from_node=self._rows("node", "link", columns["from_node"]),
            to_node=self._rows("node", "link", columns["to_node"]),
            length_m=self._sizes("link", columns, "length_m"),
            speed_limit_mps=self._sizes("link", columns, "speed_limit_mps"),
            priority=np.array(columns["priority"], np.int32),
            kind=np.array([Kind[one.upper()] for one in columns["kind"]], np.int8),
        )

    def _ways(self) -> Connections:
        columns = self._columns("way", ("from_lane", "to_lane", "via", "direction", "signal", "group"))
        return Connections(
            from_lane=self._rows("lane", "way", columns["from_lane"]),
            to_lane=self._rows("lane", "way", columns["to_lane"]),
            via=self._rows("lane", "way", columns["via"]),
            direction=_texts(columns["direction"]),
            signal=self._rows("signal", "way", columns["signal"]),
            group=np.array([-1 if one is None else one for one in columns["group"]], np.int32),
        )

    def _signals(self) -> Signals:
        columns = self._columns("signal", ("id", "node", "offset_s", "phases"))
        phases = [(row, phase) for row, mine in enumerate(columns["phases"]) for phase in mine]
        return Signals(
            id=_texts(columns["id"]),
            node=self._rows("node", "signal", columns["node"]),
            offset_s=_floats(columns["offset_s"]),
            phase_signal=np.array([row for row, _ in phases], np.int32),
            phase_duration_s=_floats([phase["duration_s"] for _, phase in phases]),
            phase_state=np.array([phase["state"] for _, phase in phases], np.str_).reshape(-1),
        )


def _texts(values: Sequence[str]) -> Strings:
    return np.array(values, np.str_).reshape(-1)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if one is None else one for one in values], np.float64)
