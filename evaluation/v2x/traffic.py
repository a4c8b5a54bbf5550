"""Recorded traffic as a site hears of it: vehicles speak for themselves, a unit sees who walks, signals say what they show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chelu.messages import SPAT, Batch, filled
from evaluation.models.motion.tracks import EPOCH_US, Recording, read_ngsim, read_trace, reports_at
from evaluation.v2x.actors import Floats, Ints
from evaluation.v2x.measured import Conditions, measured, on_air, position_errors_m
from evaluation.v2x.radio import Air
from services.inference.reports import Participant, Reports, Track
from simulators import trace

_ROUNDING_S = 1e-6
_UNIT_KEY = 1_000_000  # of the roadside unit that sees who walks
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class SignalLog:
    """States (k,) that phases have from `begin_s` to `end_s`; numbered as inference takes them where no MAP says otherwise."""

    intersection: Ints
    phase: Ints
    light: Ints
    begin_s: Floats
    end_s: Floats

    def at(self, at_s: float) -> Batch:
        """SPAT of this instant: what each phase shows, and until when."""
        now = np.flatnonzero((self.begin_s <= at_s + _ROUNDING_S) & (self.end_s > at_s + _ROUNDING_S))
        return filled(
            SPAT,
            len(now),
            time_us=np.full(len(now), EPOCH_US + round(at_s * 1e6)),
            intersection_id=self.intersection[now].astype(np.uint16),
            phase_id=self.phase[now].astype(np.int16),
            state_index=np.zeros(len(now), np.uint8),
            light=self.light[now].astype(np.uint8),
            start_s=np.zeros(len(now)),
            likely_end_s=self.end_s[now] - at_s,
        )


@dataclass(frozen=True, slots=True)
class Traffic:
    """A recording in which the last `walkers` road users walk; what its signals show, where there are any."""

    recording: Recording
    walkers: int
    signals: SignalLog | None = None

    @property
    def vehicle_hours(self) -> float:
        """Hours that all vehicles together are in it."""
        times, vehicle = self.recording.time_s, self.recording.vehicle
        step_s = float(np.median(np.diff(np.unique(times))))
        return float(np.count_nonzero(vehicle < self._first_walker)) * step_s / 3600.0

    def broadcast(self, conditions: Conditions, seed: int) -> Air:
        """Its messages as they arrive under the `conditions` of one encounter; all are sent at the recording's instants."""
        recording, random = self.recording, np.random.default_rng([seed, 17])
        errors = _errors_m(random, recording, float(conditions.noise_m[0]))
        arrives, late = on_air(random, conditions.loss, conditions.latency_s, recording.time_s.shape)
        rows = np.flatnonzero(arrives)
        rows = rows[np.argsort((recording.time_s + late)[rows], kind="stable")]
        time_s, arrival_s = recording.time_s[rows], (recording.time_s + late)[rows]
        true = replace(self._reports(rows), arrival_us=EPOCH_US + np.round(arrival_s * 1e6).astype(np.int64))
        return Air(recording.vehicle[rows], time_s, arrival_s, measured(random, true, errors[rows]))

    def instants(self) -> Iterator[tuple[float, Reports]]:
        """Every instant, with what is reported at it: exact, at once and all of it."""
        edges = np.flatnonzero(np.diff(self.recording.time_s) > 1e-6) + 1
        for rows in np.split(np.arange(len(self.recording.time_s)), edges):
            yield float(self.recording.time_s[rows[0]]), self._reports(rows)

    @property
    def _first_walker(self) -> int:
        return len(self.recording.size_m) - self.walkers

    def _reports(self, rows: Ints) -> Reports:
        reports = reports_at(self.recording, rows)
        walks = self.recording.vehicle[rows] >= self._first_walker
        return replace(
            reports,
            kind=np.where(walks, int(Track.SEEN), reports.kind),
            participant_type=np.where(walks, int(Participant.PEDESTRIAN), reports.participant_type),
            device_key=np.where(walks, _UNIT_KEY, reports.device_key),
            own_key=np.where(walks, 0, reports.own_key),
            own_id=np.where(walks, 0, reports.own_id).astype(np.uint64),
        )


def read(path: Path) -> Traffic:
    """A simulated trace, with its pedestrians and its signals."""
    driven, whole = read_trace(path), trace.read(path)
    walked, first = whole.pedestrian_samples, len(driven.size_m)
    sizes = np.stack([whole.pedestrians.length_m, whole.pedestrians.width_m], axis=1)
    vehicle = np.concatenate([driven.vehicle, first + walked.actor.astype(np.int64)])
    time_s = np.concatenate([driven.time_s, walked.time_s])
    order = np.lexsort((vehicle, time_s))
    nothing = np.full(len(walked.time_s), np.nan)  # a camera gives no accelerations
    return Traffic(
        replace(
            driven,
            time_s=time_s[order],
            vehicle=vehicle[order],
            xyz=np.concatenate([driven.xyz, np.stack([walked.x_m, walked.y_m, walked.z_m], axis=1)])[order],
            speed_mps=np.concatenate([driven.speed_mps, walked.speed_mps])[order],
            heading_deg=np.concatenate([driven.heading_deg, walked.heading_deg])[order],
            acceleration_mps2=np.concatenate([driven.acceleration_mps2, nothing])[order],
            yaw_rate_dps=np.concatenate([driven.yaw_rate_dps, nothing])[order],
            size_m=np.concatenate([driven.size_m, sizes]),
        ),
        len(sizes),
        _signals(whole.signals),
    )


def _errors_m(random: np.random.Generator, recording: Recording, sigma_m: float) -> Floats:
    """Errors (m, 2) of the samples' positions: each road user's drift by themselves."""
    order = np.lexsort((recording.time_s, recording.vehicle))
    vehicle = recording.vehicle[order]
    begin = np.searchsorted(vehicle, np.arange(len(recording.size_m)))
    place = np.arange(len(vehicle)) - begin[vehicle]
    times = np.zeros((len(recording.size_m), int(place.max(initial=0)) + 1))
    times[vehicle, place] = recording.time_s[order]
    times = np.maximum.accumulate(times, axis=1)  # beyond a road user's last sample its clock stands
    errors = np.empty((len(vehicle), 2))
    errors[order] = position_errors_m(random, times, np.full(len(times), sigma_m))[vehicle, place]
    return errors


def _signals(shown: trace.SignalStates) -> SignalLog:
    _, intersection = np.unique(shown.node, return_inverse=True)
    return SignalLog(
        intersection=intersection.astype(np.int64) + 1,
        phase=shown.group.astype(np.int64) + 1,
        light=shown.light.astype(np.int64),
        begin_s=shown.time_s,
        end_s=shown.next_change_s,
    )


def ngsim() -> Traffic | None:
    """The recording of Interstate 80, where it is on this machine (`CHELU_DATA`): vehicles only, no map, no signals.

    It has no turn rates, and none are sent: from one heading to the next, a tenth of a second later, they come out as 30°/s.
    """
    file = Path(os.environ.get("CHELU_DATA", _ROOT.parent / "shared" / "data")) / "ngsim_i80_50_vehicles.sqlite"
    if not file.exists():
        return None
    found = read_ngsim(file)
    return Traffic(replace(found, yaw_rate_dps=np.full(len(found.time_s), np.nan)), 0)
