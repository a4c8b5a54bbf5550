"""Which form a recording has, told by its content: MCAP, Parquet, CSV, or a scene that `chelu replay` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from chelu.geo import LocalFrame
from simulators.scenario.recorded import mcap_form, tables
from simulators.scenario.recorded.rows import Recorded, UnreadableRecordingError, samples_of
from simulators.scene import Scene, UnreadableError
from simulators.sources import forms

FORMS = f"an MCAP file of a run or of a capture, a Parquet or CSV table, {forms.FORMS}"
LARGEST_BYTES = 1 << 30
_MAGIC: Mapping[bytes, Callable[[Path, LocalFrame | None], list[Recorded]]] = {
    b"\x89MCAP0\r\n": mcap_form.read,
    b"PAR1": tables.read_parquet,
}


def read(path: Path, origin: LocalFrame | None) -> list[Recorded]:
    """The recordings in a file: one for each run that it holds. origin: of the road's metres, for places in degrees.

    UnreadableRecordingError, a sentence, for what is none.
    """
    if path.is_file() and path.stat().st_size > LARGEST_BYTES:
        raise UnreadableRecordingError(str(path), f"it is larger than {LARGEST_BYTES >> 30} GiB: cut it to the runs in question")
    head = b"" if path.is_dir() else _head(path)
    for magic, reader in _MAGIC.items():
        if head.startswith(magic):
            return reader(path, origin)
    if path.suffix.lower() == ".csv":
        return tables.read_csv(path, origin)
    try:
        return [_of_scene(forms.open_scene(path), str(path))]
    except UnreadableError as error:
        raise UnreadableRecordingError(str(path), f"it is not {FORMS} ({error.detail})") from None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except OSError as error:
        raise UnreadableRecordingError(str(path), f"{error.strerror}") from None


def _of_scene(scene: Scene, file: str) -> Recorded:
    samples = scene.read(scene.begin_ms, scene.end_ms).samples
    columns = {name: samples[name] for name in ("x_m", "y_m", "heading_deg", "speed_mps", "acceleration_mps2")}
    named = {"actor": scene.actors["name"][samples["actor"]], "elevation_m": samples["z_m"]}
    return Recorded(file, samples_of({**columns, **named, "time_s": np.asarray(samples["time_ms"]) / 1000.0}, file))
