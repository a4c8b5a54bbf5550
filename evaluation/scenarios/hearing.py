"""What a site hears of a run's actors: vehicles speak for themselves, who has no radio is seen by a roadside unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.inference.life import Party
from services.inference.reports import Participant, Reports, Track, nothing
from simulators.scenario.air import FIRST_OF_TRAFFIC, Radio, radio_of
from simulators.scenario.description import Description
from simulators.scenario.kinds import KINDS
from simulators.scenario.saying import SIREN_ON, said
from simulators.scenario.trace import Actor, Floats, Ints, Trace
from simulators.scenario.traffic.passing import alone, named

EPOCH_US = 1_700_000_000_000_000
ROADSIDE_KEY = 60_000  # device of the unit that sees who has no radio


@dataclass(slots=True)
class Hearing:
    """Messages in the order of their arrival; `until` hands out those that have not been handed out yet."""

    reports: Reports
    arrival_s: Floats
    names: tuple[str, ...]
    _next: int = field(default=0)

    def until(self, now_s: float) -> Reports:
        """What arrived since the last time."""
        begin, self._next = self._next, int(np.searchsorted(self.arrival_s, now_s + 1e-9))
        return self.reports.take(np.arange(begin, self._next))

    def name_of(self, party: Party) -> str:
        """Whose these messages are."""
        return self.names[party.vehicle_id - 1 if party.participant_id is None else party.participant_id]


def heard(description: Description, trace: Trace, run: int) -> Hearing:
    """All messages of a run. Losses and errors are drawn from the case's values: the same ones alone and in any company."""
    radio = radio_of(description, trace, run)
    parts = [
        _spoken(description, trace, run, actor, radio)
        for actor, one in enumerate(trace.actors[: trace.cast])
        if one.name not in description.radio.unheard
    ]
    parts += [_passing(description, trace, number, row, radio) for row, number in enumerate(radio.passing, trace.cast)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    reports = Reports(**columns) if columns else nothing()
    order = np.argsort(reports.arrival_us, kind="stable")
    reports = reports.take(order)
    return Hearing(reports, (reports.arrival_us - EPOCH_US) / 1e6, _names(trace, radio))


def _names(trace: Trace, radio: Radio) -> tuple[str, ...]:
    return (*(one.name for one in trace.actors[: trace.cast]), *map(named, radio.passing))


def _spoken(description: Description, trace: Trace, run: int, actor: int, radio: Radio) -> dict[str, Floats | Ints]:
    """The columns of `Reports` for one actor's messages that arrive."""
    times, off = _sent(trace, run, radio, actor)
    told = _told(description, trace, run, actor, times)
    about = _about(trace.actors[actor], actor, times, radio, description.radio.latency_s, speaks=bool(radio.equipped[actor]))
    return {**_motion(trace, run, actor, times, off), **told, **about}


def _passing(description: Description, trace: Trace, number: int, row: int, radio: Radio) -> dict[str, Floats | Ints]:
    """The same of a vehicle of the traffic, while it is near; row: its number here."""
    one = alone(trace, number)
    times, off = _sent(one, 0, radio, FIRST_OF_TRAFFIC + number)
    is_there = np.isfinite(_motion(one, 0, 0, times, off)["speed_mps"])
    times, off = times[is_there], off[is_there]
    told = _told(description, one, 0, 0, times)
    about = _about(one.actors[0], row, times, radio, description.radio.latency_s, speaks=radio.passing[number])
    return {**_motion(one, 0, 0, times, off), **told, **about}


def _sent(trace: Trace, run: int, radio: Radio, actor: int) -> tuple[Floats, Floats]:
    """When an actor says what arrives (k,), all speaking at once as through the platform, and how far off its places are (k, 2).

    What is drawn for a message does not hang on how long the run lasts: who is warned may make it longer.
    """
    times = np.arange(0.0, trace.last[run] * trace.step_s, 1.0 / radio.rate_hz)
    arrives = ~radio.is_lost(actor, len(times))
    return times[arrives], radio.off_m(actor, len(times))[arrives]


def _about(one: Actor, row: int, times: Floats, radio: Radio, latency_s: float, *, speaks: bool) -> dict[str, Floats | Ints]:
    """Who it is, and when the messages were said and arrived; row: the sender's number here."""
    count = len(times)
    seen_as = Participant.PEDESTRIAN if one.kind == "pedestrian" else Participant.NON_MOTOR
    participant = Participant.MOTOR if KINDS[one.kind].has_unit else seen_as
    numbers = {
        "kind": Track.SPEAKS if speaks else Track.SEEN,
        "participant_type": participant,
        "device_key": row + 1 if speaks else ROADSIDE_KEY,
        "own_key": row + 1 if speaks else 0,
        "message_count": 0,
        "sec_mark_ms": 0,
        "vehicle_class": 0,
    }
    keys = {"key": row + 1 if speaks else ROADSIDE_KEY * 65_536 + row, "own_id": row + 1 if speaks else 0}
    return {
        **{name: np.full(count, int(number), np.int64) for name, number in numbers.items()},
        **{name: np.full(count, key, np.uint64) for name, key in keys.items()},
        **{name: np.full(count, number) for name, number in (("length_m", one.length_m), ("width_m", one.width_m))},
        **{name: np.full(count, sigma) for name, sigma in (("height_sigma_m", 0.5), ("place_sigma_m", radio.noise_m or np.nan))},
        "time_us": EPOCH_US + np.round(times * 1e6).astype(np.int64),
        "arrival_us": EPOCH_US + np.round((times + latency_s) * 1e6).astype(np.int64),
    }


def _motion(trace: Trace, run: int, actor: int, times: Floats, off: Floats) -> dict[str, Floats]:
    """Place, speed and turn at these times, straight between two instants."""

    def at(column: Floats) -> Floats:
        return np.interp(times, trace.time_s, column)

    heading = np.unwrap(trace.heading_deg[:, run, actor], period=360.0)
    plane = [at(trace.xy[:, run, actor, axis]) + off[:, axis] for axis in (0, 1)]
    return {
        "xyz": np.stack([*plane, at(trace.elevation_m[:, run, actor])], axis=1),
        "speed_mps": at(trace.speed_mps[:, run, actor]),
        "heading_deg": np.mod(at(heading), 360.0),
        "acceleration_mps2": at(trace.acceleration_mps2[:, run, actor]),
        "yaw_rate_dps": at(np.gradient(heading, trace.step_s)),
    }


def _told(description: Description, trace: Trace, run: int, actor: int, times: Floats) -> Mapping[str, Ints]:
    """What an actor says of itself beside its motion, as reports have it."""
    found = said(description, trace, run, actor, times)
    responding = (found["siren"] == SIREN_ON).astype(np.int64)
    return {"lights": found["lights"], "events": found["events"], "is_responding": responding}
