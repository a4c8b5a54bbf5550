"""What is written down of a run on the track: read again when its truth is judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.track.states import State

FORMAT, FILE = "chelu.scenario.track/1", "track.json"


@dataclass(frozen=True, slots=True)
class Conducted:
    """A run on the track as its file has it. started_us: wall time, None of one that never started."""

    is_done: bool
    started_us: int | None


def read(file: Path) -> Conducted:
    """What a file tells; ConfigurationError when it tells of no run."""
    try:
        document = json.loads(file.read_text("utf-8"))
        state = State(document["state"]) if document["format"] == FORMAT else None
        started = document.get("started_us")
        started_us = None if started is None else int(started)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError("--track", str(file), f"what chelu scenario track wrote ({error})") from None
    if state is None:
        raise ConfigurationError("--track", str(file), f"what chelu scenario track wrote: its format is not {FORMAT}")
    return Conducted(state is State.DONE, started_us)
