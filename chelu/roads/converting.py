"""What `chelu roads convert` and `chelu roads compare` do: a road file in another format, and what is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chelu.codec import cv2x
from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.roads import sumo_location, sumo_plain
from chelu.roads.comparing import Comparison, compare, summed
from chelu.roads.geojson import writing as geojson_writing
from chelu.roads.mapdata.writing import frames_of, usual_style
from chelu.roads.network import RoadNetwork
from chelu.roads.opening import Opened, open_roads

Written = dict[str, bytes]  # by the end of the file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How MAP messages are to be written; see `chelu.roads.mapdata.writing.Style`."""

    region: int = 0
    is_named: bool = True
    most_bytes: int | None = None


def _map_frames(network: RoadNetwork, frame: LocalFrame, wanted: Wanted) -> list[bytes]:
    most = {} if wanted.most_bytes is None else {"most_bytes": wanted.most_bytes}
    frames = frames_of(network, frame, usual_style(network, region=wanted.region, is_named=wanted.is_named, **most))
    if not frames:
        raise ConfigurationError(
            "OUT", "MAP", "another format: no lane leads into a node, so no MAP message says anything of them"
        )
    return frames


def _uper(network: RoadNetwork, frame: LocalFrame, wanted: Wanted) -> Written:
    frames = _map_frames(network, frame, wanted)
    if len(frames) == 1:
        return {"uper": frames[0]}
    return {f"{number}.uper": one for number, one in enumerate(frames, 1)}


def _hex(network: RoadNetwork, frame: LocalFrame, wanted: Wanted) -> Written:
    return {"hex": "".join(f"{one.hex()}\n" for one in _map_frames(network, frame, wanted)).encode()}


def _json(network: RoadNetwork, frame: LocalFrame, wanted: Wanted) -> Written:
    messages = [cv2x.to_json(one) for one in _map_frames(network, frame, wanted)]
    return {"json": json.dumps(messages, ensure_ascii=False, indent=1).encode() + b"\n"}


def _geojson(network: RoadNetwork, frame: LocalFrame, _wanted: Wanted) -> Written:
    return {"geojson": geojson_writing.written(network, frame)}


def _plain(network: RoadNetwork, _frame: LocalFrame, _wanted: Wanted) -> Written:
    return sumo_plain.written(network)


WRITERS: Mapping[str, Callable[[RoadNetwork, LocalFrame, Wanted], Written]] = {
    ".uper": _uper,
    ".hex": _hex,
    ".json": _json,
    ".geojson": _geojson,
    ".nod.xml": _plain,
}
_ANYWHERE = LocalFrame(0.0, 0.0)  # for what is written without places on Earth


def writer_of(name: str) -> str:
    """The end of a file's name that says how it is written; ConfigurationError for another."""
    found = next((end for end in WRITERS if name.endswith(end)), None)
    if found is None:
        raise ConfigurationError("OUT", name, f"a name that ends in one of {', '.join(WRITERS)}")
    return found


def convert(source: Path, target: Path, origin: LocalFrame | None, wanted: Wanted, tell: Callable[[str], None]) -> None:
    """Write a road file in the format of the target's name; tell what was written, and what differs when it is read again.

    ConfigurationError where the source has local metres alone and no origin was given.
    """
    end, content = writer_of(target.name), source.read_bytes()
    opened = open_roads(content, str(source), origin=origin) if end == ".nod.xml" else _opened(content, str(source), origin)
    frame = origin or opened.frame or (_ANYWHERE if end == ".nod.xml" else None)
    if frame is None:
        raise ConfigurationError("--origin", None, f"{source} has local metres alone: say where on Earth they begin")
    files = WRITERS[end](opened.network, frame, wanted)
    stem = target.name.removesuffix(end)
    for name, content in files.items():
        path = target.with_name(f"{stem}.{name}")
        path.write_bytes(content)
        tell(f"{path}: {len(content)} bytes")
    if end == ".nod.xml":
        tell(f"a network of it: netconvert {_inputs(target, stem)} -o {target.with_name(stem)}.net.xml {sumo_plain.OPTIONS}")
        return
    for line in summed(_lost(opened, frame, files, str(target))):
        tell(f"  {line}")


def _opened(content: bytes, file: str, origin: LocalFrame | None) -> Opened:
    """The roads in a file; a SUMO network in metres around its middle, when it alone says where it lies."""
    opened = open_roads(content, file, origin=origin)
    grid = sumo_location.grid_of(content, file) if opened.format == "sumo" and origin is None else None
    if grid is None:
        return opened
    network, frame = sumo_location.on_earth(opened.network, grid)
    return replace(opened, network=network, frame=frame)


def _inputs(target: Path, stem: str) -> str:
    options = {"-n": "nod.xml", "-e": "edg.xml", "-x": "con.xml", "-i": "tll.xml"}
    return " ".join(f"{option} {target.with_name(stem)}.{name}" for option, name in options.items())


def _lost(opened: Opened, frame: LocalFrame, files: Written, name: str) -> Comparison:
    """What differs between a network and what was written of it, read again."""
    together = b"".join(files.values()) if len(files) == 1 else "".join(f"{one.hex()}\n" for one in files.values()).encode()
    again = open_roads(together, name, origin=frame)
    return compare(opened.network, again.network, (frame, again.frame))


def compared(here: Path, there: Path, origin: LocalFrame | None, tell: Callable[[str], None], *, is_whole: bool = False) -> int:
    """Tell what is kept and what differs between two road files; 0 when nothing does. is_whole: every difference by itself."""
    opened = [_opened(path.read_bytes(), str(path), origin) for path in (here, there)]
    found = compare(opened[0].network, opened[1].network, (opened[0].frame or origin, opened[1].frame or origin))
    for line in summed(found, examples=0 if is_whole else 3):
        tell(line)
    for one in found.differences if is_whole else ():
        tell(f"  {one.sentence()}")
    return 0 if found.is_same else 1
