"""A map's file as it is looked at before it is kept, and as it is handed out in other formats. Pure."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from chelu.codec import cv2x
from chelu.errors import CheluError, MalformedError
from chelu.geo import LocalFrame
from chelu.roads import sumo_location, sumo_plain
from chelu.roads.at_site import apart_m, open_at
from chelu.roads.checks import Finding, check
from chelu.roads.geojson import writing as geojson
from chelu.roads.mapdata.writing import frames_of, usual_style
from chelu.roads.network import RoadNetwork
from chelu.roads.opening import Opened
from services.registry.problems import Fault, ProblemError

MOST_SHOWN = 20  # findings of a kind, and notes
MEDIA = {
    "uper": "application/octet-stream",
    "hex": "text/plain",
    "json": "application/json",
    "geojson": "application/geo+json",
    "sumo": "application/zip",
}


def opened(content: bytes, file: str, frame: LocalFrame) -> Opened:
    """The roads in a file, in the site's metres; ProblemError 422 with the reader's own words."""
    try:
        found = open_at(content, file, frame)
    except CheluError as error:
        said = error.detail if isinstance(error, MalformedError) else str(error)
        fault = Fault("content", f"{file}, {len(content)} bytes", said)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{file} cannot be read: {said}", [fault]) from None
    return replace(found, notes=(*found.notes, *_place_notes(found, content, file, frame)))


def _place_notes(found: Opened, content: bytes, file: str, frame: LocalFrame) -> list[str]:
    """What is doubtful about the place of a file whose metres are taken from the site's origin, as they are."""
    if found.format == "opendrive" and found.remarks:
        return [f"it says where it lies ({'; '.join(found.remarks)}): its metres begin at the site's origin all the same"]
    if found.format != "sumo":
        return []
    try:
        grid = sumo_location.grid_of(content, file)
    except MalformedError as error:
        return [f"where it says that it lies is not read ({error.detail}): its metres begin at the site's origin"]
    if grid is None:
        return []
    middle = sumo_location.middle_of(found.network, grid)
    away_km = apart_m(middle, frame) / 1000.0
    where = f"{middle.latitude_deg:.5f}, {middle.longitude_deg:.5f}, {away_km:.1f} km from the site's origin"
    return [f"it says that its middle lies at {where}: its metres begin at the site's origin all the same"]


def said_of(found: Opened) -> dict[str, Any]:
    """What is kept of a file beside itself: what is in it, what is not read, what is doubtful."""
    network, findings = found.network, check(found.network)
    return {
        "figures": found.figures,
        "lanes": len(network.lanes.id),
        "links": len(network.links.id),
        "nodes": len(network.nodes.id),
        "ways": len(network.connections.from_lane),
        "signals": len(network.signals.id),
        "left_out": sum(one.count for one in found.left_out),
        "left_out_elements": [one.sentence() for one in found.left_out[:MOST_SHOWN]],
        "notes": list(found.notes[:MOST_SHOWN]),
        "doubtful": len(found.notes) + len(findings),
        "counts": dict(Counter(one.kind for one in findings)),
        "findings": [{"kind": one.kind, "element": one.element, "what": one.what} for one in _some(findings)],
    }


def _some(findings: Sequence[Finding]) -> list[Finding]:
    seen: Counter[str] = Counter()
    kept = []
    for one in findings:
        seen[one.kind] += 1
        if seen[one.kind] <= MOST_SHOWN:
            kept.append(one)
    return kept


def exported(network: RoadNetwork, frame: LocalFrame, form: str) -> bytes:
    """A network in another format; ProblemError 422 for one that a MAP cannot hold, or that is several frames, wanted as one."""
    if form == "geojson":
        return geojson.written(network, frame)
    if form == "sumo":
        return _zipped(sumo_plain.written(network))
    try:
        frames = frames_of(network, frame, usual_style(network))
    except CheluError as error:
        raise _refused(form, str(error)) from None
    if not frames:
        raise _refused(form, "no lane of the map leads into a node, so there is nothing that a MAP message says")
    if form == "json":
        return json.dumps([cv2x.to_json(one) for one in frames], ensure_ascii=False).encode()
    if form == "hex":
        return "".join(f"{one.hex()}\n" for one in frames).encode()
    if len(frames) != 1:
        raise _refused(form, f"the map is {len(frames)} frames: hex has them all, one a line")
    return frames[0]


def _refused(form: str, problem: str) -> ProblemError:
    fault = Fault("format", form, problem)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"format = {form!r} is not allowed: {problem}", [fault])


def _zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"map.{name}"), content)
    return target.getvalue()
