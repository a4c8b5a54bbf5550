"""Which form a recording has, told by its content rather than by its name."""

from __future__ import annotations

from pathlib import Path

from simulators.scene import Scene, UnreadableError
from simulators.sources import district, sind, trajectories

FORMS = "a Chelu trace (.npz), a trajectory database (SQLite with Vehicle and Trajectory), or a SinD crossing (its folder)"


def open_scene(path: Path) -> Scene:
    """The recording at `path`. Raises UnreadableError, a sentence, for anything that is none of `FORMS`."""
    try:
        if path.is_dir():
            return sind.open_scene(path)
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise UnreadableError(str(path), f"{error.strerror}") from None
    return _by_content(path, head)


def _by_content(path: Path, head: bytes) -> Scene:
    if head.startswith(b"SQLite format 3\0"):
        return trajectories.open_scene(path)
    if head.startswith(b"PK\x03\x04"):
        return district.open_scene(path)
    if path.name in {sind.TRACKS, sind.LIGHTS}:
        return sind.open_scene(path.parent)  # either file names the crossing
    raise UnreadableError(str(path), f"it is not {FORMS}")
