"""A recording laid onto a scenario: its actors on the road, at instants a step apart, as the engine would have left them behind.

Between two samples motion is straight. What the recording does not say of its own quality is measured here: how often it sampled,
the longest gap, samples that are missing, a clock that goes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.errors import ConfigurationError
from chelu.messages import Batch, concatenate
from simulators.scenario.cases import Cases
from simulators.scenario.contacts import first_contacts
from simulators.scenario.description import Description
from simulators.scenario.metrics.messages import first_of, of_kind
from simulators.scenario.plan import Plan, plan
from simulators.scenario.progress import Progress, triggers_of
from simulators.scenario.recorded.passing import recorded_places, resampled
from simulators.scenario.recorded.placing import heading_of, on_ways
from simulators.scenario.recorded.rows import Recorded, UnreadableRecordingError
from simulators.scenario.state import State
from simulators.scenario.trace import Actor, Floats, Ints, Trace
from simulators.scenario.triggers import Triggers, Wanted, WarnedTimes, wanted
from simulators.scenario.ways import Places

FINEST_S, COARSEST_S = 0.001, 0.5
MOST_SAMPLES = 5_000_000  # of all actors in all runs: some 1 GB of columns, or an hour of 27 actors at 50 Hz
WALL_S = 1e9  # a recording whose times are later than this counts them since 1970
COLUMNS = ("x_m", "y_m", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2", "along_m", "aside_m")
_DARK = 0


@dataclass(frozen=True, slots=True)
class Begin:
    """Where in a recording a run begins.

    started_s: when it was started on the track, since 1970; without it, or in a recording with a clock of its own, with the first
    instant that all actors are in it. after_s: so much later.
    """

    after_s: float = 0.0
    started_s: float | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One actor in one recording: its samples by time, and what was wrong with them. samples: of `rows.SAMPLE`."""

    samples: Batch
    clock_steps: int

    @property
    def time_s(self) -> Floats:
        """Ascending."""
        return np.asarray(self.samples["time_s"])


@dataclass(frozen=True, slots=True)
class Stretch:
    """What of a recording is judged: every actor's track from a common first instant to a common last one, s."""

    recorded: Recorded
    tracks: tuple[Track, ...]
    begin_s: float
    end_s: float


def aligned(
    recordings: Sequence[Recorded], description: Description, cases: Cases, names: Mapping[str, str], begin: Begin
) -> Trace:
    """A run for each recording. names: what an actor is called in the recording, where it is not by its own name.

    ConfigurationError for an actor that is not recorded, UnreadableRecordingError for one that never is together with all others.
    """
    stretches = [_stretch(one, description, names, begin) for one in recordings]
    step_s = min(_step_s(one) for one in stretches)
    counts = np.array([int((one.end_s - one.begin_s) / step_s + 1e-6) + 1 for one in stretches])
    _check_size(int(counts.max()) * len(stretches) * len(description.actors), step_s, stretches[0].recorded.name)
    made = plan(description.model_copy(update={"step_s": step_s}), cases)
    counts = np.minimum(counts, made.instants)
    columns = {name: np.stack([_resampled(one, name, step_s, counts.max()) for one in stretches], axis=1) for name in COLUMNS}
    return _trace(made, columns, counts - 1, stretches)


def _check_size(samples: int, step_s: float, name: str) -> None:
    if samples > MOST_SAMPLES:
        detail = (
            f"{samples:,} samples every {step_s:g} s are more than {MOST_SAMPLES:,}: an earlier end (after_s), or a coarser one"
        )
        raise UnreadableRecordingError(name, detail)


def _stretch(recorded: Recorded, description: Description, names: Mapping[str, str], begins: Begin) -> Stretch:
    tracks = tuple(_track(recorded, names.get(actor, actor), actor) for actor in description.actors)
    begin, end = max(track.time_s[0] for track in tracks), min(track.time_s[-1] for track in tracks)
    if begins.started_s is not None and begin > WALL_S:
        if not begin <= begins.started_s < end:
            text = f"the run started at {begins.started_s:.3f} s since 1970, and all actors are in it {begin:.3f} to {end:.3f}"
            raise UnreadableRecordingError(recorded.name, text)
        begin = begins.started_s
    begin += begins.after_s
    if not end > begin:
        text = f"no two instants at which all of {', '.join(description.actors)} are in it, from {begins.after_s:g} s on"
        raise UnreadableRecordingError(recorded.name, text)
    return Stretch(recorded, tracks, float(begin), float(min(end, begin + description.end.after_s)))


def _track(recorded: Recorded, name: str, actor: str) -> Track:
    samples = recorded.samples.take(np.asarray(recorded.samples["actor"] == name))
    if not len(samples):
        known = recorded.actors
        shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
        raise ConfigurationError("--actor", f"{actor}={name}", f"one who is in {recorded.name}: {shown}", source="recording")
    _, first = np.unique(samples["time_s"], return_index=True)
    return Track(samples.take(first), int(np.count_nonzero(np.diff(samples["time_s"]) < 0)))


def _step_s(stretch: Stretch) -> float:
    steps = [float(np.median(np.diff(track.time_s))) for track in stretch.tracks if len(track.time_s) > 1]
    return float(np.clip(round(min(steps), 4), FINEST_S, COARSEST_S))


def _resampled(stretch: Stretch, name: str, step_s: float, count: int) -> Floats:
    """(t, a): a column of every actor at the instants of the grid; what lies beyond the end stays as it was there."""
    instants = np.minimum(stretch.begin_s + np.arange(count) * step_s, stretch.end_s)
    return np.stack([_column(track, name, instants) for track in stretch.tracks], axis=1)


def _column(track: Track, name: str, instants: Floats) -> Floats:
    values = heading_of(track.samples) if name == "heading_deg" else np.asarray(track.samples[name])
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(instants), np.nan)
    if name == "heading_deg":
        values = np.unwrap(values[known], period=360.0)
        return np.asarray(np.mod(np.interp(instants, track.time_s[known], values), 360.0))
    return np.asarray(np.interp(instants, track.time_s[known], values[known]))


def _trace(made: Plan, columns: Mapping[str, Floats], last: Ints, stretches: Sequence[Stretch]) -> Trace:
    step_s, actors = made.description.step_s, made.actors
    xy = np.stack([columns["x_m"], columns["y_m"]], axis=-1)
    way, along, aside, line = on_ways(made, xy, columns["along_m"], columns["aside_m"])
    heading = np.where(np.isfinite(columns["heading_deg"]), columns["heading_deg"], line.heading_deg)
    elevation = np.where(np.isfinite(columns["elevation_m"]), columns["elevation_m"], line.elevation_m)
    speed, rate = columns["speed_mps"], columns["acceleration_mps2"]
    rate = np.where(np.isfinite(rate), rate, _slope(speed, step_s))
    lights, warnings = _lights(made, stretches, len(speed)), _warnings(stretches)
    state = State(along, aside, _slope(aside, step_s), speed, rate)
    triggers = _begun(made, state, lights, warnings)
    over_s = np.minimum(triggers.ended_s, last * step_s)
    motion = {
        "xy": xy,
        "elevation_m": elevation,
        "heading_deg": heading,
        "speed_mps": speed,
        "acceleration_mps2": rate,
        "along_m": along,
        "aside_m": aside,
        "aside_mps": state.aside_mps,
    }
    if places := recorded_places(made.description, [one.recorded.samples for one in stretches]):
        motion = _with_traffic(motion, places, stretches, step_s)
        actors, way = (*actors, *places), np.column_stack([way, np.full((made.runs, len(places)), -1)])
    there = Places(motion["xy"], motion["elevation_m"], *(np.zeros_like(motion["heading_deg"]) for _ in range(3)))
    contact = first_contacts(actors, there, motion["heading_deg"], step_s).until(over_s)
    over_s = np.minimum(over_s, contact.first_s)
    return Trace(
        actors=actors,
        step_s=step_s,
        ways=made.ways,
        way=way,
        xy=motion["xy"],
        elevation_m=motion["elevation_m"],
        heading_deg=motion["heading_deg"],
        speed_mps=motion["speed_mps"],
        acceleration_mps2=motion["acceleration_mps2"],
        along_m=motion["along_m"],
        aside_m=motion["aside_m"],
        aside_mps=motion["aside_mps"],
        last=np.ceil(over_s / step_s - 1e-6).astype(np.int64),
        contact_s=contact.first_s,
        contact=contact.actors,
        fired={name: np.where(times <= over_s, times, np.nan) for name, times in triggers.fired_s().items()},
        lights=lights,
        stop_lines={name: (made.ways.index(one.way), one.stop_line_m) for name, one in made.description.road.signals.items()},
        parameters=made.cases.columns,
        warnings=warnings,
        messages=concatenate([_messages(one, run, actors[row].name, track, step_s)
                              for run, one in enumerate(stretches) for row, track in enumerate(one.tracks)]),
        rig=_quality(stretches),
    )  # fmt: skip


def _with_traffic(
    motion: Mapping[str, Floats], places: Sequence[Actor], stretches: Sequence[Stretch], step_s: float
) -> dict[str, Floats]:
    """The columns (t, n, a …) with those of the places behind them, which have none on a way."""
    instants = np.asarray(np.arange(len(motion["speed_mps"])) * step_s, np.float64)
    each = [[resampled(one.recorded.samples, place, one.begin_s + instants) for place in places] for one in stretches]

    def column(name: str) -> Floats:
        return np.stack([np.stack([place[name] for place in run], axis=1) for run in each], axis=1)

    found = {name: column(name) for name in ("elevation_m", "heading_deg", "speed_mps", "acceleration_mps2")}
    found["xy"] = np.stack([column("x_m"), column("y_m")], axis=-1)
    nowhere = np.full_like(found["speed_mps"], np.nan)
    return {name: np.concatenate([own, found.get(name, nowhere)], axis=2) for name, own in motion.items()}


def _slope(values: Floats, step_s: float) -> Floats:
    return np.gradient(values, step_s, axis=0) if len(values) > 1 else np.zeros_like(values)


def _lights(made: Plan, stretches: Sequence[Stretch], count: int) -> dict[str, Ints]:
    """By signal, of those that every recording has: what it showed, and dark before that."""
    found: dict[str, Ints] = {}
    for name in made.description.road.signals:
        shown = [one.recorded.lights.get(name) for one in stretches]
        if any(one is None for one in shown):
            continue
        columns = [_shown(*one, stretch.begin_s + np.arange(count) * made.description.step_s)
                   for one, stretch in zip(shown, stretches, strict=True) if one is not None]  # fmt: skip
        found[name] = np.stack(columns, axis=1)
    return found


def _shown(times: Floats, lights: Ints, instants: npt.NDArray[np.floating]) -> Ints:
    order = np.argsort(times, kind="stable")
    at = np.searchsorted(times[order], instants + 1e-9, side="right")
    return np.append(_DARK, lights[order])[at]


def _begun(made: Plan, state: State, lights: Mapping[str, Ints], warnings: Batch | None) -> Triggers:
    """Whose triggers held when in the recorded motion: who drove may have begun elsewhere. That a manoeuvre ends is not seen."""
    dark = np.full((len(state.speed_mps), made.runs), _DARK)
    made.lights.update({name: lights.get(name, dark) for name in made.lights})
    triggers = Triggers(made, Progress.of(made.description, made.runs), _warned(made, warnings))
    for instant in range(len(state.speed_mps)):
        now = State(*(column[instant] for column in state.columns()))
        for _ in triggers.firing(now, instant):
            pass
    return triggers


def _warned(made: Plan, warnings: Batch | None) -> WarnedTimes:
    """When the warnings came for which triggers wait."""
    found: dict[Wanted, Floats] = {}
    for one, actor in triggers_of(made.description):
        if one.warned is not None and warnings is not None:
            wish = wanted(one.warned, actor)
            found[wish] = first_of(of_kind(warnings, *wish), made.runs)
    return found


def _warnings(stretches: Sequence[Stretch]) -> Batch | None:
    """None unless every recording has some form of them."""
    said = [one.recorded.warnings for one in stretches]
    kept = [
        batch.with_columns(run=np.full(len(batch), run, np.int64), time_s=batch["time_s"] - stretches[run].begin_s)
        for run, batch in enumerate(said)
        if batch is not None
    ]
    return concatenate(kept) if len(kept) == len(said) else None


def _messages(stretch: Stretch, run: int, sender: str, track: Track, step_s: float) -> Batch:
    """A sample is a message: of the instants at which one was due those that have none, within half a step, are lost."""
    inside = (track.time_s >= stretch.begin_s - step_s / 2) & (track.time_s <= stretch.end_s + step_s / 2)
    times, arrival = track.time_s[inside], np.asarray(track.samples["arrival_s"])[inside]
    own_s = float(np.median(np.diff(times))) if len(times) > 1 else step_s
    gaps = np.maximum(np.rint(np.diff(times) / own_s).astype(np.int64) - 1, 0)
    lost = np.concatenate([[0.0], *(before + own_s * np.arange(1, gap + 1) for before, gap in zip(times, gaps, strict=False))])[
        1:
    ]
    sent = np.concatenate([times, lost]) - stretch.begin_s
    received = np.concatenate([np.where(np.isfinite(arrival), arrival, times), np.full(len(lost), np.nan)]) - stretch.begin_s
    order = np.argsort(sent, kind="stable")
    return Batch(
        {
            "run": np.full(len(sent), run, np.int64),
            "sender": np.full(len(sent), sender, "U48"),
            "sent_s": sent[order],
            "received_s": received[order],
        }
    )


def _quality(stretches: Sequence[Stretch]) -> Mapping[str, Floats]:
    gaps = [[_within(one, track) for track in one.tracks] for one in stretches]
    return {
        "sample_rate_hz": np.array([min(1.0 / float(np.mean(gap)) for gap in each) for each in gaps]),
        "sample_gap_s": np.array([max(float(gap.max()) for gap in each) for each in gaps]),
        "clock_steps": np.array([float(sum(track.clock_steps for track in one.tracks)) for one in stretches]),
    }


def _within(stretch: Stretch, track: Track) -> Floats:
    """Times between samples that the stretch touches."""
    first = max(int(np.searchsorted(track.time_s, stretch.begin_s, side="right")) - 1, 0)
    last = min(int(np.searchsorted(track.time_s, stretch.end_s, side="left")), len(track.time_s) - 1)
    return np.diff(track.time_s[first : last + 1])
