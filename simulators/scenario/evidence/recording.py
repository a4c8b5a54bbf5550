"""A run as an MCAP file that Foxglove opens: the actors as boxes, what happened as log lines, and every sample as a row.

Topics: ``/scene`` (foxglove.SceneUpdate, in the road's metres), ``/events`` (foxglove.Log); as JSON ``/actors/{name}``,
``/warnings`` and ``/lights``, from which it can be judged again (`simulators.scenario.recorded`). Times are counted from the
run's beginning: a run in memory has no other clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from chelu import foxglove, recordings
from chelu.recordings import Line
from simulators.scenario.evidence.shown import Shown
from simulators.scenario.evidence.story import told

HEIGHTS_M = {"car": 1.5, "bus": 3.1, "truck": 3.6, "pedestrian": 1.7, "bicycle": 1.7, "motorcycle": 1.6, "robot": 1.0}
USUAL_HEIGHT_M = 1.5
_NUMBERS = ("time_s", "x_m", "y_m", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2", "along_m", "aside_m")
_NUMBER, _TEXT = {"type": ["number", "null"]}, {"type": "string"}
ROWS = {
    "chelu.actor": dict.fromkeys(_NUMBERS, _NUMBER),
    "chelu.warning": {
        **dict.fromkeys(("time_s", "latency_s"), _NUMBER),
        **dict.fromkeys(("application", "host", "other", "state"), _TEXT),
    },
    "chelu.light": {"time_s": _NUMBER, "signal": _TEXT, "light": {"type": "integer"}},
}


def recording(shown: Shown) -> bytes:
    """The file."""
    metadata = {
        "scenario": {"scenario": shown.evidence.header.scenario, "run": str(shown.run), "verdict": shown.outcome.word},
        "parameters": {name: f"{column[shown.run]:g}" for name, column in shown.evidence.parameters.items()},
    }
    if shown.trace.warnings is not None:
        metadata["warnings"] = {"count": str(len(shown.single.warnings or ()))}  # none is not the same as not known
    return recordings.recording(_lines(shown), _schema, metadata)


def _lines(shown: Shown) -> Iterator[Line]:
    for event in told(shown):
        time_us = max(round(event.time_s * 1e6), 0)
        yield Line(time_us, "/events", foxglove.LOG, foxglove.log(time_us, event.text, event.who))
    yield from _said(shown)
    for instant in range(shown.last + 1):
        time_us = round(instant * shown.trace.step_s * 1e6)
        there = np.isfinite(shown.trace.xy[instant, shown.column]).all(axis=-1)
        boxes = [_box(shown, actor, instant, time_us) for actor in np.flatnonzero(there).tolist()]
        yield Line(time_us, "/scene", foxglove.SCENE, foxglove.scene(boxes))
        for actor, one in enumerate(shown.trace.actors):
            if one.is_traffic and not there[actor]:
                continue
            yield Line(time_us, f"/actors/{one.name}", "chelu.actor", _row(shown, actor, instant))


def _said(shown: Shown) -> Iterator[Line]:
    """Warnings that came before the run's beginning stand at it; their own time is in the row."""
    if (said := shown.single.warnings) is not None:
        for row, time_s in enumerate(said["time_s"].tolist()):
            document = {name: plain(said[name][row]) for name in said if name != "run"}
            yield Line(max(round(time_s * 1e6), 0), "/warnings", "chelu.warning", document)
    for signal, states in shown.trace.lights.items():
        own = states[: shown.last + 1, shown.column]
        for instant in np.flatnonzero(np.diff(own, prepend=-1)).tolist():
            time_s = instant * shown.trace.step_s
            yield Line(
                round(time_s * 1e6), "/lights", "chelu.light", {"time_s": time_s, "signal": signal, "light": int(own[instant])}
            )


def plain(value: Any) -> float | str | None:
    """As JSON has it: a text, a number, or null where there is none."""
    if isinstance(value, str):
        return str(value)
    return float(value) if np.isfinite(value) else None


def _box(shown: Shown, actor: int, instant: int, time_us: int) -> dict[str, Any]:
    trace, one, at = shown.trace, shown.trace.actors[actor], (instant, shown.column, actor)
    place = float(trace.xy[at][0]), float(trace.xy[at][1]), float(trace.elevation_m[at])
    size = one.length_m, one.width_m, HEIGHTS_M.get(one.kind, USUAL_HEIGHT_M)
    color = foxglove.OWN_COLOR if actor == shown.focus else foxglove.OTHER_COLOR
    return foxglove.entity(time_us, one.name, place, float(trace.heading_deg[at]), size, color)


def _row(shown: Shown, actor: int, instant: int) -> dict[str, Any]:
    trace, at = shown.trace, (instant, shown.column, actor)
    row = {"time_s": instant * trace.step_s, "x_m": trace.xy[at][0], "y_m": trace.xy[at][1]}
    names = ("elevation_m", "heading_deg", "speed_mps", "acceleration_mps2", "along_m", "aside_m")
    row |= {name: getattr(trace, name)[at] for name in names}
    return {name: float(value) for name, value in row.items() if np.isfinite(value)}


def _schema(name: str) -> bytes:
    if name in foxglove.SCHEMAS:
        return foxglove.schema_bytes(name)
    return json.dumps({"title": name, "type": "object", "properties": ROWS[name]}).encode()
