"""What reaches inference of staged actors: messages at a rate, measured with errors, late, and some lost. Seeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.v2x.actors import Actors, Film, Floats, Ints, film, heights
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.measured import Conditions, measured, on_air, position_errors_m
from services.inference.reports import Reports, Track

EPOCH_US = 1_700_000_000_000_000
TICK_S = 0.05  # inference sees what arrived since the last of these
_SEEN_KEY = 1_000_000


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
    errors = position_errors_m(random, times, conditions.noise_m[encounter])
    loss, latency_s = (of[encounter][:, None] for of in (conditions.loss, conditions.latency_s))
    arrives, late = on_air(random, loss, latency_s, times.shape)
    row, column = np.nonzero((times < encounters.lasts_s) & arrives)
    order = np.argsort((times + late)[row, column], kind="stable")
    row, column = row[order], column[order]
    time_s, arrival_s = times[row, column], (times + late)[row, column]
    true = _true(actors, film(actors, times), row, column, time_s, arrival_s)
    return Air(row, time_s, arrival_s, measured(random, true, errors[row, column]))


def _true(actors: Actors, shown: Film, row: Ints, column: Ints, time_s: Floats, arrival_s: Floats) -> Reports:
    """What would be said without errors by actors `row`, of the film's instants `column`."""
    signals, tells = time_s >= actors.signals_s[row], time_s >= actors.tells_s[row]
    speaks, key = actors.speaks[row], row + 1
    zero = np.zeros(len(row), np.int64)
    xyz = np.concatenate([shown.xy, heights(actors, shown.way_m)[..., None]], axis=2)
    return Reports(
        kind=np.where(speaks, int(Track.SPEAKS), int(Track.SEEN)),
        key=np.where(speaks, key, key + _SEEN_KEY).astype(np.uint64),
        time_us=EPOCH_US + np.round(time_s * 1e6).astype(np.int64),
        arrival_us=EPOCH_US + np.round(arrival_s * 1e6).astype(np.int64),
        xyz=xyz[row, column],
        height_sigma_m=np.full(len(row), 0.5),
        speed_mps=shown.speed_mps[row, column],
        heading_deg=shown.heading_deg[row, column],
        acceleration_mps2=shown.acceleration_mps2[row, column],
        yaw_rate_dps=shown.yaw_rate_dps[row, column],
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
    )
