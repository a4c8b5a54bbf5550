"""Ordinary traffic: recordings of the district in which nobody collides, every vehicle with a radio, ten messages a second.

Warnings are counted by application, and so are the needless ones (`evaluation.v2x.truth`): at every moment of the next five
seconds the required deceleration is below 2 m/s², each going on as fast as it then is on the path that it really takes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures
from chelu.motion.footprints import forward
from chelu.motion.kinematics import travelled
from evaluation.models.motion.tracks import EPOCH_US, Recording, read_trace, reports_at
from evaluation.v2x import recordings
from evaluation.v2x.actors import Floats, Ints
from evaluation.v2x.truth import NEEDED_FOR_S, NEEDED_MPS2, requires_braking
from services.inference.life import Notice, Party, State
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.site import Site, SiteParameters

_STEP_S, _EVERY_S = 0.1, 0.25
_AHEAD_S: Floats = np.arange(0.0, 8.0, _STEP_S)


@dataclass(frozen=True, slots=True)
class Raised:
    """A warning in ordinary traffic: vehicles of the recording."""

    application: str
    host: int
    other: int
    at_s: float


def drive_all(seeds: int, directory: Path, tell: Callable[[float], None]) -> dict[str, Any]:
    """The recording that ships, then others made of further seeds (needs SUMO), together."""
    hours, raised, needless = 0.0, Counter[str](), Counter[str]()
    for number in range(seeds + 1):
        found = recordings.of_seed(number, directory) if number else recordings.shipped()
        if found is None:
            continue
        recording = read_trace(found)
        warnings = drive(recording, partial(_tell_part, tell, number, seeds + 1))
        hours += vehicle_hours(recording)
        raised.update(one.application for one in warnings)
        needless.update(one.application for one in needless_of(recording, warnings))
    return {
        "vehicle_hours": round(hours, 2),
        "raised": dict(sorted(raised.items())),
        "false": dict(sorted(needless.items())),
        "false_per_vehicle_hour": {name: round(count / hours, 3) for name, count in sorted(needless.items())},
    }


def _tell_part(tell: Callable[[float], None], part: int, parts: int, share: float) -> None:
    tell((part + share) / parts)


def vehicle_hours(recording: Recording) -> float:
    """Hours that all vehicles together are in it."""
    step_s = float(np.median(np.diff(np.unique(recording.time_s))))
    return len(recording.time_s) * step_s / 3600.0


def drive(recording: Recording, tell: Callable[[float], None] | None = None) -> list[Raised]:
    """All of a recording through one site; every warning raised."""
    site = Site(
        SiteParameters(), roads=recording.roads, model=OnnxMotionModel(shipped()), new_id=map(str, itertools.count()).__next__
    )
    edges = np.flatnonzero(np.diff(recording.time_s) > 1e-6) + 1
    found: list[Raised] = []
    for rows in np.split(np.arange(len(recording.time_s)), edges):
        at_s = float(recording.time_s[rows[0]])
        changes = site.step(reports_at(recording, rows), EPOCH_US + round(at_s * 1e6))
        found += [_raised(one, one.other, at_s) for one in changes if one.state is State.RAISED and one.other is not None]
        if tell is not None:
            tell(float(rows[-1] + 1) / len(recording.time_s))
    return found


def _raised(notice: Notice, other: Party, at_s: float) -> Raised:
    return Raised(notice.application, notice.host.vehicle_id - 1, other.vehicle_id - 1, at_s)


def needless_of(recording: Recording, warnings: Sequence[Raised]) -> list[Raised]:
    """Those of which braking with 2 m/s² would have been enough at every moment of the next five seconds."""
    if not warnings:
        return []
    tracks = _Tracks(recording)
    host, other = (np.array([getattr(one, side) for one in warnings]) for side in ("host", "other"))
    at = np.array([one.at_s for one in warnings])
    needed = np.zeros(len(warnings), np.bool_)
    for later_s in np.arange(0.0, NEEDED_FOR_S, _EVERY_S):
        needed |= tracks.requires_braking(host, other, at + later_s)
    return [one for one, was in zip(warnings, needed.tolist(), strict=True) if not was]


class _Tracks:
    """Each vehicle's samples in a row, to be read at any time and at any place of its way; straight on beyond its end."""

    def __init__(self, recording: Recording) -> None:
        order = np.lexsort((recording.time_s, recording.vehicle))
        vehicle = recording.vehicle[order]
        self._time, self._xy = recording.time_s[order], recording.xyz[order, :2]
        self._heading, self._speed = recording.heading_deg[order], recording.speed_mps[order]
        step = np.hypot(*np.diff(self._xy, axis=0, prepend=self._xy[:1]).T)
        step[np.concatenate([[True], vehicle[1:] != vehicle[:-1]])] = 0.0
        self._way, self._size = np.cumsum(step), recording.size_m
        self._begin, self._end = (np.searchsorted(vehicle, np.arange(len(self._size)), side) for side in ("left", "right"))

    def requires_braking(self, host: Ints, other: Ints, from_s: Floats) -> npt.NDArray[np.bool_]:
        """Whether at these instants the hosts' required deceleration was 2 m/s² or more."""
        moments = zip(host.tolist(), other.tolist(), from_s.tolist(), strict=True)
        return np.array([self._requires(*one) for one in moments])

    def _requires(self, host: int, other: int, at_s: float) -> bool:
        on, braking, there = (self._going_on(one, at_s, brake) for one, brake in ((host, 0.0), (host, NEEDED_MPS2), (other, 0.0)))
        if on is None or braking is None or there is None:
            return False
        speed = np.hypot(*(on.xy[0, 1] - on.xy[0, 0])) / _STEP_S
        return bool(requires_braking(on, braking, there, np.array([speed]))[0])

    def _going_on(self, vehicle: int, at_s: float, brake_mps2: float) -> Futures | None:
        """From this instant on, on the path that the vehicle really takes; None when it is not there."""
        rows = slice(self._begin[vehicle], self._end[vehicle])
        times, ways = self._time[rows], self._way[rows]
        if not times[0] <= at_s <= times[-1]:
            return None
        speed = np.interp(at_s, times, self._speed[rows])
        driven, _ = travelled(np.array([speed]), np.array([-brake_mps2]), _AHEAD_S)
        way = np.interp(at_s, times, ways) + driven[0]
        heading = self._heading[rows][np.clip(np.searchsorted(ways, way), 0, len(ways) - 1)]
        xy = np.stack([np.interp(way, ways, self._xy[rows, axis]) for axis in (0, 1)], axis=1)
        xy = xy + np.maximum(way - ways[-1], 0.0)[:, None] * forward(heading)
        return Futures(xy[None], heading[None], np.asarray(self._size[vehicle])[None])
