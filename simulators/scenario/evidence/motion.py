"""A run as a page plays it: who was where when as columns, and the scene, what came when and what was required as its header.

The console reads it (`console/src/scenarios/run.ts`), in the same form of a run that is kept and of a paced one while it goes on.
docs/formats/columns.md has the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import columns
from chelu.messages import Batch
from simulators.scenario.evidence.document import plain
from simulators.scenario.evidence.shown import Shown
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Judged
from simulators.scenario.ways import Way, Ways

EVERY_S = 0.04  # between two instants that are told: a screen shows no more, and between them motion is even
ARC_M = 4.0  # between two points of a bend
COLUMNS: Mapping[str, Any] = {
    "at_s": np.float32,
    "actor": np.uint16,
    **dict.fromkeys(("x_m", "y_m", "elevation_m", "heading_deg", "speed_mps"), np.float32),
}
Document = dict[str, Any]
Instants = npt.NDArray[np.intp]


def playback(shown: Shown) -> bytes:
    """One run of the evidence, whole."""
    trace, verdicts = shown.single, shown.evidence.verdicts
    header = {
        **scene(trace),
        "scenario": shown.evidence.header.scenario,
        "run": shown.run,
        "verdict": shown.outcome.word,
        "end_s": shown.last * trace.step_s,
        "lights": lights(trace, shown.last),
        "events": events(trace),
        "requirements": requirements(verdicts.requirements, shown.run),
    }
    return columns.pack(Batch(rows(trace, told_instants(trace, 0, shown.last))), header)


def told_instants(trace: Trace, begin: int, last: int) -> Instants:
    """Which instants from `begin` to `last` are told: every so many, counted from the run's first, and the last."""
    every = max(1, round(EVERY_S / trace.step_s))
    found = np.arange(-(-begin // every) * every, last + 1, every)
    return found if len(found) and found[-1] == last else np.append(found, last)


def rows(trace: Trace, instants: Instants) -> dict[str, npt.NDArray[Any]]:
    """The columns of a trace of one run at these instants, actor by actor; none for who is not there."""
    xy, there = trace.xy[instants, 0], np.isfinite(trace.xy[instants, 0]).all(axis=-1)
    row, actor = np.nonzero(there)
    found = {"at_s": instants[row] * trace.step_s, "actor": actor, "x_m": xy[row, actor, 0], "y_m": xy[row, actor, 1]}
    found |= {name: getattr(trace, name)[instants[row], 0, actor] for name in ("elevation_m", "heading_deg", "speed_mps")}
    return {name: np.asarray(found[name], kind) for name, kind in COLUMNS.items()}


def scene(trace: Trace) -> Document:
    """What does not move: who takes part, how large they are, the ways with their lanes' edges, stop lines."""
    actors, ways = trace.actors, trace.ways
    names = ("name", "kind", "length_m", "width_m", "is_under_test", "is_traffic")
    return {
        "table": "run",
        "actors": {name: [getattr(one, name) for one in actors] for name in names},
        "ways": [
            {"name": way.name, "elevation_m": way.elevation_m, "edges": [_edge(ways, row, way, edge) for edge in way.edges_m]}
            for row, way in enumerate(ways.each)
        ],
        "stop_lines": [_stop_line(ways, name, row, along_m) for name, (row, along_m) in trace.stop_lines.items()],
    }


def lights(trace: Trace, last: int) -> Document:
    """Every change of a light of a run alone, and what it shows at first: lists side by side."""
    found: Document = {"signal": [], "time_s": [], "light": []}
    for signal, shown in trace.lights.items():
        own = shown[: last + 1, 0]
        changes = np.flatnonzero(np.diff(own, prepend=-1))
        found["signal"] += [signal] * len(changes)
        found["time_s"] += (changes * trace.step_s).tolist()
        found["light"] += own[changes].tolist()
    return found


def events(trace: Trace) -> Document:
    """What has come in a run alone, in order of time: manoeuvres that began, warnings, the contact; lists side by side."""
    over_s = trace.last[0] * trace.step_s
    found = sorted(one for one in (*_manoeuvres(trace), *_warnings(trace), *_contact(trace)) if one[0] <= over_s)
    names = ("time_s", "kind", "what", "who", "about", "state")
    return {name: [one[at] for one in found] for at, name in enumerate(names)}


def requirements(judged: Sequence[Judged], run: int) -> Document:
    """What became of each requirement in one run; lists side by side."""
    found: Document = {"title": [one.title for one in judged], "unit": [one.unit for one in judged]}
    found["verdict"] = [one.of_run(run).word for one in judged]
    found |= {name: [plain(getattr(one, name)[run]) for one in judged] for name in ("value", "limit", "at_s")}
    return found


Event = tuple[float, str, str, str, str, str]


def _manoeuvres(trace: Trace) -> Iterator[Event]:
    for name, times in trace.fired.items():
        if np.isfinite(times[0]):
            yield float(times[0]), "manoeuvre", name, "", "", ""


def _warnings(trace: Trace) -> Iterator[Event]:
    """The times at which a warning's state changes: one that is told ten times a second has come once."""
    said = trace.warnings
    if said is None:
        return
    states: dict[tuple[str, str, str], str] = {}
    table = (said[name].tolist() for name in ("time_s", "application", "host", "other", "state"))
    for time_s, application, host, other, state in sorted(zip(*table, strict=True)):
        if states.get((application, host, other)) != state:
            states[application, host, other] = state
            yield float(time_s), "warning", application, host, other, state


def _contact(trace: Trace) -> Iterator[Event]:
    if np.isfinite(trace.contact_s[0]):
        one, other = (trace.actors[row].name for row in trace.contact[0].tolist())
        yield float(trace.contact_s[0]), "contact", "", one, other, ""


def _edge(ways: Ways, row: int, way: Way, aside_m: float) -> list[float]:
    """The points of a line beside a way, x and y in turn."""
    begins = np.cumsum([0.0, *(piece.length_m for piece in way.pieces)])
    along = [
        np.arange(begin, begin + piece.length_m, ARC_M if piece.curvature_1pm else max(piece.length_m, ARC_M))
        for begin, piece in zip(begins.tolist(), way.pieces, strict=False)
    ]
    places = np.append(np.concatenate(along), begins[-1])
    xy = ways.at(np.full(places.shape, row), places, np.full_like(places, aside_m)).xy
    return np.round(xy, 2).ravel().tolist()


def _stop_line(ways: Ways, signal: str, row: int, along_m: float) -> Document:
    ends = np.array([ways.each[row].edges_m[0], ways.each[row].edges_m[-1]])
    xy = np.round(ways.at(np.full(2, row), np.full(2, along_m), ends).xy, 2)
    return {"signal": signal, "x_m": xy[:, 0].tolist(), "y_m": xy[:, 1].tolist()}
