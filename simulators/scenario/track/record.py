"""What is written down of a run on the track: read again when its truth is judged."""

from __future__ import annotations

import json
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.track.states import State

FORMAT, FILE = "chelu.scenario.track/1", "track.json"


def aborted(file: Path) -> float:
    """Whether the run that a file tells of was not done; ConfigurationError when it tells of none."""
    try:
        document = json.loads(file.read_text("utf-8"))
        state = State(document["state"]) if document["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError("--track", str(file), f"what chelu scenario track wrote ({error})") from None
    if state is None:
        raise ConfigurationError("--track", str(file), f"what chelu scenario track wrote: its format is not {FORMAT}")
    return float(state is not State.DONE)
