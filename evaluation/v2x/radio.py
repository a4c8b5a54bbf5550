"""What reaches inference of staged actors: positions with noise, messages at a rate, late, and some lost. Seeded.

The error of a satellite position is mostly slow: four fifths of its variance drift with a time constant of 10 s, the rest is new
with each message. A roadside unit's view of who has no radio has the same errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.v2x.actors import Floats, Ints, film, heights
from evaluation.v2x.encounters import Encounters
from services.inference.reports import Reports, Track

EPOCH_US = 1_700_000_000_000_000
TICK_S = 0.05  # inference sees what arrived since the last of these
_DRIFT_S, _DRIFT_SHARE = 10.0, 0.8
_SEEN_KEY = 1_000_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """Per encounter (n,): standard deviation of positions in m, latency in s, share of messages lost, messages a second."""

    noise_m: Floats
    latency_s: Floats
    loss: Floats
    rate_hz: Floats


def nominal(n: int) -> Conditions:
    """0.5 m, 100 ms, 2 %, 10 Hz."""
    return Conditions(np.full(n, 0.5), np.full(n, 0.1), np.full(n, 0.02), np.full(n, 10.0))


def varied(n: int, seed: int) -> Conditions:
    """0–3 m, 0–300 ms, 0–20 %, 2–10 Hz."""
    random = np.random.default_rng([seed, 99])
    return Conditions(random.uniform(0, 3, n), random.uniform(0, 0.3, n), random.uniform(0, 0.2, n), random.uniform(2, 10, n))


@dataclass(frozen=True, slots=True)
class Air:
    """m messages in order of arrival: who (row of the actors), event time and arrival in seconds, and what they say."""

    actor: Ints
    time_s: Floats
    arrival_s: Floats
    reports: Reports

    def ticks(self, lasts_s: float) -> Iterator[tuple[float, slice]]:
        """Instants of evaluation, and the messages that arrived since the last."""
        begin = 0
        for tick in range(1, round(lasts_s / TICK_S) + 1):
            end = int(np.searchsorted(self.arrival_s, tick * TICK_S))
            yield tick * TICK_S, slice(begin, end)
            begin = end


def broadcast(encounters: Encounters, conditions: Conditions, seed: int) -> Air:
    """Every message of every actor that arrives."""
    random = np.random.default_rng([seed, 7])
    actors, n = encounters.actors, len(encounters)
    encounter = np.arange(len(actors)) % n
    rate = conditions.rate_hz[encounter]
    most = int(np.ceil(encounters.lasts_s * rate.max())) + 1
    times = (np.arange(most) + random.random((len(actors), 1))) / rate[:, None]
    noise = _noise(random, times, conditions.noise_m[encounter])
    shown = film(actors, times)
    heard = (times < encounters.lasts_s) & (random.random(times.shape) >= conditions.loss[encounter][:, None])
    late = conditions.latency_s[encounter][:, None] * random.uniform(0.8, 1.2, times.shape)
    row, column = np.nonzero(heard)
    order = np.argsort((times + late)[row, column], kind="stable")
    row, column = row[order], column[order]
    xyz = np.concatenate([shown.xy + noise, heights(actors, shown.way_m)[..., None]], axis=2)[row, column]
    xyz[:, 2] += random.normal(0, 0.5, len(row))
    speed = shown.speed_mps[row, column]
    time_s, arrival_s = times[row, column], (times + late)[row, column]
    signals, tells = time_s >= actors.signals_s[row], time_s >= actors.tells_s[row]
    speaks, key = actors.speaks[row], row + 1
    zero = np.zeros(len(row), np.int64)
    return Air(
        row,
        time_s,
        arrival_s,
        Reports(
            kind=np.where(speaks, int(Track.SPEAKS), int(Track.SEEN)),
            key=np.where(speaks, key, key + _SEEN_KEY).astype(np.uint64),
            time_us=EPOCH_US + np.round(time_s * 1e6).astype(np.int64),
            arrival_us=EPOCH_US + np.round(arrival_s * 1e6).astype(np.int64),
            xyz=xyz,
            height_sigma_m=np.full(len(row), 0.5),
            speed_mps=np.maximum(speed + random.normal(0, 0.1, len(row)) * (speed > 0), 0.0),
            heading_deg=np.mod(shown.heading_deg[row, column] + random.normal(0, 0.4, len(row)), 360.0),
            acceleration_mps2=shown.acceleration_mps2[row, column] + random.normal(0, 0.1, len(row)),
            yaw_rate_dps=shown.yaw_rate_dps[row, column] + random.normal(0, 0.3, len(row)) * (speed > 0.5),
            length_m=actors.size_m[row, 0],
            width_m=actors.size_m[row, 1],
            participant_type=actors.kind[row],
            device_key=key,
            own_key=np.where(speaks, key, 0),
            message_count=zero,
            sec_mark_ms=zero,
            own_id=np.where(speaks, key, 0).astype(np.uint64),
            place_sigma_m=np.full(len(row), np.nan),
            events=np.where(tells, actors.events[row], 0),
            lights=np.where(signals, actors.lights[row], 0),
            vehicle_class=zero,
            is_responding=(tells & actors.is_responding[row]).astype(np.int64),
        ),
    )


def _noise(random: np.random.Generator, times: Floats, sigma_m: Floats) -> Floats:
    """Errors (n, s, 2): a slow drift and a fresh part."""
    each = sigma_m[:, None, None]
    fresh = random.normal(0, 1, (*times.shape, 2)) * np.sqrt(1.0 - _DRIFT_SHARE)
    kept = np.exp(-np.diff(times, axis=1) / _DRIFT_S)
    drift = np.empty((*times.shape, 2))
    drift[:, 0] = random.normal(0, 1, (len(times), 2))
    for step in range(1, times.shape[1]):
        share = kept[:, step - 1, None]
        drift[:, step] = share * drift[:, step - 1] + np.sqrt(1.0 - share**2) * random.normal(0, 1, (len(times), 2))
    return np.asarray(each * (fresh + drift * np.sqrt(_DRIFT_SHARE)))
