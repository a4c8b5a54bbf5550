"""What is kept and what differs between two networks of the same roads: lanes, links, nodes, ways on, signal groups, heights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.network import Connections, Floats, Integers, Kind, RoadNetwork, Signals, User
from chelu.roads.pairing import Pair, by_votes, paired, placed_in

PLAN_M, HEIGHT_M, WIDTH_M, LIMIT_MPS, PLACE_M = 0.15, 0.1, 0.011, 0.021, 0.5  # what the coarsest format (MAP) keeps, and no more


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: of what, which one, in what; here and there as text, "–" for nothing."""

    what: str
    name: str
    field: str
    here: str
    there: str

    def sentence(self) -> str:
        """For a person."""
        if self.field:
            return f"{self.what} {self.name}: {self.field} is {self.here} here and {self.there} there"
        return f"{self.what} {self.name} is {'only here' if self.there == NOTHING else 'only there'}"


NOTHING, NAME = "–", "name"
SEVERAL = {"way on": "ways on"}  # other words get an s


@dataclass(slots=True)
class Comparison:
    """kept: of what how many are the same in all that is compared but their names, and how many there are here.

    differences: all of them.
    """

    kept: dict[str, tuple[int, int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def compare(
    here: RoadNetwork, there: RoadNetwork, frames: tuple[LocalFrame | None, LocalFrame | None] = (None, None)
) -> Comparison:
    """Everything that differs; frames: where each one's metres begin, None: where the other's do."""
    if frames[0] is not None and frames[1] is not None and frames[0] != frames[1]:
        there = placed_in(there, frames[1], frames[0])
    pair = paired(here, there)
    found = Comparison()
    for what, differing, total in (
        ("lane", _lanes(pair), len(here.lanes.id)),
        ("link", _links(pair), len(here.links.id)),
        ("node", _nodes(pair), len(here.nodes.id)),
        ("way on", _ways(pair), len(here.connections.from_lane)),
        ("signal", _signals(pair), len(here.signals.id)),
    ):
        differences = list(differing)
        spoiled = {one.name for one in differences if (one.here != NOTHING or one.field) and one.field != NAME}
        found.kept[what] = total - len(spoiled), total
        found.differences += differences
    return found


def _lonely(what: str, same: Integers, names: tuple[Sequence[str], Sequence[str]]) -> Iterator[Difference]:
    """What is in one network alone."""
    for row in np.flatnonzero(same < 0).tolist():
        yield Difference(what, str(names[0][row]), "", "there", NOTHING)
    for row in np.setdiff1d(np.arange(len(names[1])), same).tolist():
        yield Difference(what, str(names[1][row]), "", NOTHING, "there")


def _lanes(pair: Pair) -> Iterator[Difference]:
    a, b = pair.a.lanes, pair.b.lanes
    yield from _lonely("lane", pair.lane, (_kinds(pair.a, a.id.tolist()), _kinds(pair.b, b.id.tolist())))
    for row, other in _both(pair.lane):
        name = str(a.id[row])
        plan, height = apart(a.shape[row], b.shape[other])
        if plan > PLAN_M:
            yield Difference("lane", name, "its line", "drawn", f"up to {plan:.2f} m beside it")
        if height > HEIGHT_M:
            yield Difference("lane", name, "its height", "drawn", f"up to {height:.2f} m above or below")
        yield from _numbers("lane", name, "width in m", a.width_m[row], b.width_m[other], WIDTH_M)
        yield from _numbers("lane", name, "limit in m/s", a.speed_limit_mps[row], b.speed_limit_mps[other], LIMIT_MPS)
        yield from _texts("lane", name, "place in its link", int(a.index[row]), int(b.index[other]))
        yield from _texts("lane", name, "users", _users(a.users[row]), _users(b.users[other]))
        if pair.link[a.link[row]] != b.link[other]:
            here, there = str(pair.a.links.id[a.link[row]]), str(pair.b.links.id[b.link[other]])
            yield Difference("lane", name, "link", here, there)


def _kinds(network: RoadNetwork, names: Sequence[str]) -> list[str]:
    """Names of lanes, with what their links are where these are no roads."""
    kinds = network.lane_kind().tolist()
    plain = {Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE}
    return [name if kind in plain else f"{name} ({_kind(kind)})" for name, kind in zip(names, kinds, strict=True)]


def _kind(kind: int) -> str:
    return Kind(kind).name.lower().replace("_", " ")


def _users(users: int) -> str:
    return "+".join(one.name.lower() for one in User(users) if one.name) or "nobody"


def _both(same: Integers) -> Iterator[tuple[int, int]]:
    return ((row, int(same[row])) for row in np.flatnonzero(same >= 0).tolist())


def apart(a: Floats, b: Floats) -> tuple[float, float]:
    """How far two lines (k, 3) are apart at the most, in plan and in height."""
    found = [_off(one, other) for one, other in ((a, b), (b, a))]
    return max(plan for plan, _ in found), max(height for _, height in found)


def _off(points: Floats, line: Floats) -> tuple[float, float]:
    line = line if len(line) > 1 else np.concatenate([line, line])
    start, along = line[:-1], np.diff(line, axis=0)
    square = np.maximum((along[:, :2] ** 2).sum(axis=1), 1e-12)
    share = np.clip(((points[:, None, :2] - start[None, :, :2]) * along[None, :, :2]).sum(axis=2) / square, 0.0, 1.0)
    gap = points[:, None] - start[None] - share[..., None] * along[None]
    plan = np.hypot(gap[..., 0], gap[..., 1])
    nearest = np.argmin(plan, axis=1)
    rows = np.arange(len(points))
    return float(plan[rows, nearest].max()), float(np.abs(gap[rows, nearest, 2]).max())


def _numbers(what: str, name: str, about: str, here: float, there: float, within: float) -> Iterator[Difference]:
    if np.isnan(here) != np.isnan(there) or abs(here - there) > within:
        yield Difference(what, name, about, *(NOTHING if np.isnan(one) else f"{one:.2f}" for one in (here, there)))


def _texts(what: str, name: str, about: str, here: object, there: object) -> Iterator[Difference]:
    if here != there:
        yield Difference(what, name, about, str(here), str(there))


def _links(pair: Pair) -> Iterator[Difference]:
    a, b = pair.a.links, pair.b.links
    yield from _lonely("link", pair.link, (a.id.tolist(), b.id.tolist()))
    for row, other in _both(pair.link):
        name = str(a.id[row])
        yield from _texts("link", name, NAME, name, str(b.id[other]))
        yield from _texts("link", name, "kind", _kind(a.kind[row]), _kind(b.kind[other]))
        yield from _texts("link", name, "priority", int(a.priority[row]), int(b.priority[other]))
        for end, mine, its in (("first node", a.from_node, b.from_node), ("last node", a.to_node, b.to_node)):
            if mine[row] >= 0 and pair.node[mine[row]] != its[other]:
                there = str(pair.b.nodes.id[its[other]]) if its[other] >= 0 else NOTHING
                yield Difference("link", name, end, str(pair.a.nodes.id[mine[row]]), there)


def _nodes(pair: Pair) -> Iterator[Difference]:
    a, b = pair.a.nodes, pair.b.nodes
    yield from _lonely("node", pair.node, (a.id.tolist(), b.id.tolist()))
    for row, other in _both(pair.node):
        name = str(a.id[row])
        yield from _texts("node", name, NAME, name, str(b.id[other]))
        apart = float(np.linalg.norm(a.position[row] - b.position[other]))
        if apart > PLACE_M:
            yield Difference("node", name, "its place", "said", f"{apart:.2f} m from it")
        yield from _texts("node", name, "kind", str(a.kind[row]), str(b.kind[other]))


def _ways(pair: Pair) -> Iterator[Difference]:
    """Ways on from lane to lane; by the signal and group that hold them in the terms of the second network."""
    a, b = pair.a.connections, pair.b.connections
    signal = by_votes(a.signal, b.signal, _same_ways(pair), len(pair.a.signals.id))
    known = {(int(b.from_lane[row]), int(b.to_lane[row])): row for row in reversed(range(len(b.from_lane)))}
    met = set[int]()
    for row in range(len(a.from_lane)):
        name = _way(pair.a, a, row)
        other = known.get((int(pair.lane[a.from_lane[row]]), int(pair.lane[a.to_lane[row]])))
        if other is None:
            yield Difference("way on", name, "", "there", NOTHING)
            continue
        met.add(other)
        yield from _texts("way on", name, "direction", str(a.direction[row]), str(b.direction[other]))
        held = (int(signal[a.signal[row]]) if a.signal[row] >= 0 else -1, int(a.group[row]))
        if held != (int(b.signal[other]), int(b.group[other])):
            yield Difference("way on", name, "signal group", _held(pair.a, a, row), _held(pair.b, b, other))
        via = int(a.via[row])
        if (pair.lane[via] if via >= 0 else -1) != b.via[other]:
            yield Difference(
                "way on", name, "path across", *(_via(each, one, at) for each, one, at in ((pair.a, a, row), (pair.b, b, other)))
            )
    for row in sorted(set(known.values()) - met):
        yield Difference("way on", _way(pair.b, b, row), "", NOTHING, "there")


def _same_ways(pair: Pair) -> Integers:
    a, b = pair.a.connections, pair.b.connections
    known = {ends: row for row, ends in enumerate(zip(b.from_lane.tolist(), b.to_lane.tolist(), strict=True))}
    ends = zip(pair.lane[a.from_lane].tolist(), pair.lane[a.to_lane].tolist(), strict=True)
    return np.array([known.get(each, -1) for each in ends], np.int32)


def _way(network: RoadNetwork, connections: Connections, row: int) -> str:
    return f"{network.lanes.id[connections.from_lane[row]]} → {network.lanes.id[connections.to_lane[row]]}"


def _held(network: RoadNetwork, connections: Connections, row: int) -> str:
    signal = int(connections.signal[row])
    return f"{network.signals.id[signal]}/{connections.group[row]}" if signal >= 0 else NOTHING


def _via(network: RoadNetwork, connections: Connections, row: int) -> str:
    return str(network.lanes.id[connections.via[row]]) if connections.via[row] >= 0 else NOTHING


def _signals(pair: Pair) -> Iterator[Difference]:
    a, b = pair.a.signals, pair.b.signals
    same = by_votes(pair.a.connections.signal, pair.b.connections.signal, _same_ways(pair), len(a.id))
    yield from _lonely("signal", same, (a.id.tolist(), b.id.tolist()))
    for row, other in _both(same):
        name = str(a.id[row])
        yield from _texts("signal", name, NAME, name, str(b.id[other]))
        yield from _numbers("signal", name, "offset in s", a.offset_s[row], b.offset_s[other], 0.0)
        programmes = [_programme(one, at) for one, at in ((a, row), (b, other))]
        if programmes[0] != programmes[1]:
            yield Difference("signal", name, "programme", *(f"{len(one)} phases" if one else NOTHING for one in programmes))


def _programme(signals: Signals, row: int) -> list[tuple[float, str]]:
    mine = signals.phase_signal == row
    return list(zip(signals.phase_duration_s[mine].tolist(), signals.phase_state[mine].tolist(), strict=True))


def summed(found: Comparison, *, examples: int = 3) -> list[str]:
    """Lines for a person: what is kept, then each kind of difference with its number and some examples."""
    lines = [f"{_several(what)}: {kept} of {total} kept as they are" for what, (kept, total) in found.kept.items()]
    kinds: dict[tuple[str, str], list[Difference]] = {}
    for one in found.differences:
        side = "" if one.field else "only here" if one.there == NOTHING else "only there"
        kinds.setdefault((one.what, one.field or side), []).append(one)
    for (what, about), alike in kinds.items():
        shown = "; ".join(_example(one) for one in alike[:examples])
        more = "; …" if len(alike) > examples else ""
        lines.append(f"{_several(what)}, {about}: {len(alike)}" + (f" ({shown}{more})" if shown else ""))
    return lines


def _several(what: str) -> str:
    return SEVERAL.get(what, f"{what}s")


def _example(one: Difference) -> str:
    return f"{one.name}: {one.here} | {one.there}" if one.field else one.name
