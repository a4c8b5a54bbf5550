"""What `chelu roads check` says of OpenDRIVE files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from chelu.errors import CheluError
from chelu.roads.opendrive.model import OpenDrive
from chelu.roads.opendrive.network import network_of
from chelu.roads.opendrive.reading import read


def files_in(paths: Iterable[Path], pattern: str) -> list[Path]:
    """Files as they are given, and of directories all that fit a pattern, by name."""
    return [one for path in paths for one in (sorted(path.rglob(pattern)) if path.is_dir() else [path])]


def told(paths: Sequence[Path], tell: Callable[[str], None], *, is_brief: bool = False) -> int:
    """Say of each file what it holds; 0 when all can be read."""
    files, bad = files_in(paths, "*.xodr"), 0
    for path in files:
        try:
            model = read(path.read_bytes(), str(path))
            lanes = len(network_of(model).lanes.id)
        except (CheluError, OSError) as error:
            bad += 1
            tell(f"cannot be read: {error}")
            continue
        tell(f"{path}: {_sum(model, lanes)}")
        for line in () if is_brief else _details(model):
            tell(f"  {line}")
    tell(f"{len(files) - bad} of {len(files)} files can be read")
    return 1 if bad else 0


def _sum(model: OpenDrive, lanes: int) -> str:
    km = sum(road.length_m for road in model.roads.values()) / 1000.0
    counts = f"{len(model.roads)} roads ({km:.2f} km), {len(model.junctions)} junctions, {lanes} lanes"
    kept = f"{sum(one.count for one in model.left_out)} elements left out, {len(model.notes)} doubtful"
    return f"1.{model.revision[1]}, {counts}, {kept}"


def _details(model: OpenDrive) -> Iterator[str]:
    if model.geo_reference:
        yield f"geoReference: {model.geo_reference}"
    yield from (f"left out: {one.sentence()}" for one in model.left_out)
    yield from (f"doubtful: {note}" for note in model.notes)
