"""Reads lanelet2 maps (.osm, XML of OpenStreetMap's API 0.6), those of Autoware's tools, too.

Format: https://github.com/fzi-forschungszentrum-informatik/Lanelet2/tree/master/lanelet2_core/doc
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chelu.geo import LocalFrame
from chelu.roads.lanelet2.borders import aligned
from chelu.roads.lanelet2.checks import notes_on
from chelu.roads.lanelet2.left_out import left_out
from chelu.roads.lanelet2.model import Lanelet, Lanelet2, Line, Nodes, Regulation
from chelu.roads.lanelet2.placing import Placed, placed, tags_of
from chelu.roads.lanelet2.users import limit_mps
from chelu.xml_tree import MAX_BYTES, Element, parse

BORDERS = ("left", "right")
CENTRE, REGULATION = "centerline", "regulatory_element"


def read(data: bytes, file: str = "lanelet2", *, origin: LocalFrame | None = None, max_bytes: int = MAX_BYTES) -> Lanelet2:
    """The lanelets in a file; `file` is what errors call it, `origin` where local metres begin (else the file's own place).

    Raises `chelu.xml_tree.ElementError` (a MalformedError) with file, line and element for what cannot be read. A lanelet whose
    borders are not there, or are no lines, is left and noted.
    """
    root = parse(data, file, root="osm", max_bytes=max_bytes)
    nodes, ways, relations = (_kept(root, tag) for tag in ("node", "way", "relation"))
    found = placed(nodes, origin)
    rows = {node.needed("id"): row for row, node in enumerate(nodes)}
    lines = {way.needed("id"): _line(way, rows) for way in ways}
    reader = _Lanelets(found, rows, lines)
    lanelets = [one for element in relations if _type(element) == "lanelet" and (one := reader.lanelet(element)) is not None]
    regulations = [_regulation(element) for element in relations if _type(element) == REGULATION]
    model = Lanelet2(
        file=file,
        frame=found.frame,
        points=found.points,
        rows=rows,
        lines=lines,
        lanelets={one.id: one for one in lanelets},
        regulations={one.id: one for one in regulations},
        left_out=left_out(root),
        notes=(),
    )
    return replace(model, notes=(*found.notes, *reader.notes, *notes_on(model)))


def _kept(root: Element, tag: str) -> list[Element]:
    """Elements of one kind that have not been deleted by an editor; ElementError for two with one id."""
    kept = [one for one in root.all(tag) if one.get("action") != "delete" and one.get("visible") != "false"]
    named: dict[str, Element] = {}
    for one in kept:
        if (before := named.setdefault(one.needed("id"), one)) is not one:
            raise one.wrong(f"id = {one.get('id')!r}: another {tag} in line {before.line} has it")
    return kept


def _type(element: Element) -> str:
    return tags_of(element).get("type", "")


def _line(way: Element, rows: Mapping[str, int]) -> Line:
    nodes = tuple(one.needed("ref") for one in way.all("nd"))
    lacking = [node for node in nodes if node not in rows]
    if lacking:
        raise way.wrong(f"way {way.get('id')}: it names the node {lacking[0]}, which is not there")
    return Line(way.needed("id"), nodes, tags_of(way), way.line)


def _members(element: Element) -> dict[str, Nodes]:
    found: dict[str, list[str]] = {}
    for one in element.all("member"):
        found.setdefault(one.get("role", ""), []).append(one.needed("ref"))
    return {role: tuple(refs) for role, refs in found.items()}


def _regulation(element: Element) -> Regulation:
    tags = tags_of(element)
    return Regulation(element.needed("id"), tags.get("subtype", ""), _members(element), tags, element.line)


class _Lanelets:
    """Makes lanelets of relations; keeps what is doubtful about them."""

    def __init__(self, found: Placed, rows: Mapping[str, int], lines: Mapping[str, Line]) -> None:
        self._points, self._rows, self._lines = found.points, rows, lines
        self.notes: list[str] = []

    def lanelet(self, element: Element) -> Lanelet | None:
        """A relation of the type lanelet; None when it cannot be one, which is noted."""
        members, tags = _members(element), tags_of(element)
        try:
            limit_mps(tags.get("speed_limit", ""))
        except ValueError as error:
            raise element.wrong(str(error)) from None
        problem = self._problem(members)
        if problem:
            self.notes.append(f"lanelet {element.needed('id')} (line {element.line}) is left out: {problem}")
            return None
        left, right = (self._lines[members[side][0]].nodes for side in BORDERS)
        turns = aligned(self._places(left), self._places(right))
        left, right = (nodes[::-1] if turn else nodes for nodes, turn in zip((left, right), turns, strict=True))
        return Lanelet(
            element.needed("id"), left, right, self._centre(members, left), tags, members.get(REGULATION, ()), element.line
        )

    def _problem(self, members: Mapping[str, Sequence[str]]) -> str:
        for side in BORDERS:
            ways = members.get(side, ())
            if len(ways) != 1:
                return f"{len(ways)} {side} borders, one is wanted"
            if ways[0] not in self._lines:
                return f"its {side} border, the way {ways[0]}, is not there"
            if len(self._lines[ways[0]].nodes) < 2 or not np.ptp(self._places(self._lines[ways[0]].nodes)[:, :2], axis=0).any():
                return f"its {side} border, the way {ways[0]}, has no length"
        return ""

    def _centre(self, members: Mapping[str, Nodes], left: Nodes) -> Nodes:
        """A centre line of its own, in the borders' direction."""
        line = self._lines.get(next(iter(members.get(CENTRE, ())), ""))
        if line is None or len(line.nodes) < 2:
            return ()
        ends, begin = self._places((line.nodes[0], line.nodes[-1])), self._places(left[:1])[0]
        is_turned = np.hypot(*(ends[1] - begin)[:2]) < np.hypot(*(ends[0] - begin)[:2])
        return line.nodes[::-1] if is_turned else line.nodes

    def _places(self, nodes: Nodes) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.asarray(self._points[[self._rows[node] for node in nodes]]).reshape(-1, 3)
