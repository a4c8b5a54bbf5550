"""One evaluation of all applications with everybody changed: against its bar in time, and against a loop over all pairs."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from evaluation.bench import district
from evaluation.bench.report import Figure, Ratio, interleaved
from services.inference.motion_model import MotionModel, OnnxMotionModel, shipped
from services.inference.network import NetworkRoads
from services.inference.reports import Participant, Reports, Track
from services.inference.site import Site, SiteParameters

SEED = 7
MANY, MANY_BAR_MS = 10_000, 120.0
PARTICIPANTS, TICKS = 1000, 20
BAR_MS = 10.0  # design §5: one evaluation of all applications, 1 000 participants all changed
BLOCK_M = 200.0
DENSITY_PER_KM2 = 250.0
SIRENS = 10  # more than are looked at of any host (`coming.MOST_EACH`): however many there are, they cost no more
EPOCH_US = 1_700_000_000_000_000


def run(*, quick: bool = False) -> list[Ratio | Figure]:
    """An evaluation in ms, and rates in participants evaluated per second; by stage; quick: fewer rounds."""
    participants, rounds = PARTICIPANTS, 3 if quick else 9
    model = OnnxMotionModel(shipped())
    small, large = evaluation(participants, model), evaluation(4 * participants, model)
    rows = traffic(participants, 0)
    ours, grown, plain = interleaved(small, large, lambda: all_pairs(rows), rounds=rounds)
    name, times_ms = f"one evaluation, {participants} all changed", tuple(participants / rate * 1e3 for rate in ours)
    return [
        Figure(what=name, values=times_ms, unit="ms", key="apps_1000_ms", bar=BAR_MS, is_limit=True),
        Ratio(name, ours, "a loop over all pairs", plain, "participants", None),
        Ratio(f"{4 * participants} all changed", grown, f"{participants} all changed", ours, "participants", 0.5),
        _of(evaluation(MANY, model), "apps_10000_ms", f"one evaluation, {MANY} all changed", rounds=rounds, bar=MANY_BAR_MS),
        _of(
            evaluation(participants, model, sirens=SIRENS),
            "apps_1000_sirens_ms",
            f"one evaluation, {participants} all changed, {SIRENS} with a siren on",
            rounds=rounds,
            bar=None,
        ),
        *_in_the_district(model, rounds),
        *stages(participants, model, rounds=4 * rounds),
    ]


def _of(once: Callable[[], int], key: str, what: str, *, rounds: int, bar: float | None) -> Figure:
    times_ms = []
    for _ in range(rounds):
        begin = time.perf_counter()
        once()
        times_ms.append((time.perf_counter() - begin) * 1e3)
    return Figure(what=what, values=tuple(times_ms), unit="ms", key=key, bar=bar, is_limit=True)


def _in_the_district(model: MotionModel, rounds: int) -> list[Figure]:
    """With a map, where the motion model is asked and ways fork: the recording that ships, and as many as the bar is for."""
    driven = district.recording()
    recorded = [district.at(driven, tick) for tick in range(TICKS)]
    many = district.crowd(driven, PARTICIPANTS, ticks=TICKS)
    found = []
    for key, told, bar in (("apps_district_ms", recorded, None), ("apps_1000_district_ms", many, BAR_MS)):
        what = f"one evaluation, {len(told[0])} vehicles on the district's map"
        found.append(_of(evaluation_of(driven.roads, told, model), key, what, rounds=3 * rounds, bar=bar))
    return found


def evaluation_of(roads: NetworkRoads | None, told: Sequence[Reports], model: MotionModel | None) -> Callable[[], int]:
    """A site that was told these reports, and a function that evaluates it once with everybody changed."""
    site = Site(SiteParameters(), roads=roads, model=model, new_id=map(str, itertools.count()).__next__)
    for rows in told:
        site.step(rows, int(rows.arrival_us[0]))
    everybody, now_us = site.picture.live(), int(told[-1].arrival_us[0])

    def once() -> int:
        site.evaluate(everybody, now_us)
        return len(everybody)

    return once


def stages(participants: int, model: MotionModel, *, rounds: int) -> list[Figure]:
    """What each stage takes of a step in which everybody reports anew."""
    spent: dict[str, list[float]] = {}
    last_s = [0.0]

    def lap(stage: str) -> None:
        now_s = time.perf_counter()
        spent.setdefault(stage, []).append((now_s - last_s[0]) * 1e3)
        last_s[0] = now_s

    site = Site(SiteParameters(), roads=None, model=model, new_id=map(str, itertools.count()).__next__, lap=lap)
    for tick in range(20 + rounds):
        rows = traffic(participants, tick)
        last_s[0] = time.perf_counter()
        site.step(rows, int(rows.arrival_us[0]))
    return [Figure(what=f"of that: {name}", values=tuple(times[20:]), unit="ms") for name, times in spent.items()]


def evaluation(participants: int, model: MotionModel | None, *, sirens: int = 0) -> Callable[[], int]:
    """A site without a map and with two seconds of history, and a function that evaluates it once with everybody changed."""
    return evaluation_of(None, [traffic(participants, tick, sirens=sirens) for tick in range(TICKS)], model)


def traffic(participants: int, tick: int, *, sirens: int = 0) -> Reports:
    """Vehicles on a grid of streets, as dense as a busy district; a third of them wait at junctions. Seeded.

    sirens: so many of those who drive have one on.
    """
    random = np.random.default_rng(SEED)
    blocks = max(2, round(math.sqrt(participants / DENSITY_PER_KM2) * 1000.0 / BLOCK_M))
    street, along = random.integers(0, blocks, participants), random.uniform(0, blocks * BLOCK_M, participants)
    heading = random.choice([0.0, 90.0, 180.0, 270.0], participants)
    speed = np.where(random.random(participants) < 1 / 3, 0.0, random.uniform(5, 16, participants))
    side = np.where(heading < 180, 1.75, -1.75)
    moved = along + speed * tick * 0.1 * np.where(heading < 180, 1, -1)
    is_north = np.isin(heading, [0.0, 180.0])
    place = np.stack([street * BLOCK_M + side, moved], axis=1)
    xy = np.where(is_north[:, None], place, place[:, ::-1] * [1, 1] - np.array([0, 2]) * side[:, None])
    time_us = np.full(participants, EPOCH_US + tick * 100_000, np.int64)
    responds = (speed > 0) & (np.cumsum(speed > 0) <= sirens)
    zero, key = np.zeros(participants, np.int64), np.arange(1, participants + 1)
    return Reports(
        kind=zero + int(Track.SPEAKS),
        key=key.astype(np.uint64),
        time_us=time_us,
        arrival_us=time_us,
        xyz=np.column_stack([xy, np.zeros(participants)]),
        height_sigma_m=np.full(participants, 0.5),
        speed_mps=speed,
        heading_deg=heading,
        acceleration_mps2=np.zeros(participants),
        yaw_rate_dps=np.zeros(participants),
        length_m=np.full(participants, 4.6),
        width_m=np.full(participants, 1.8),
        participant_type=zero + int(Participant.MOTOR),
        device_key=key,
        own_key=key,
        message_count=zero,
        sec_mark_ms=zero,
        own_id=key.astype(np.uint64),
        place_sigma_m=np.full(participants, np.nan),
        events=zero,
        lights=zero,
        vehicle_class=zero,
        is_responding=responds.astype(np.int64),
    )


def all_pairs(rows: Reports) -> int:
    """The plain way: for every two vehicles the time of closest approach at constant velocity."""
    angle = np.radians(rows.heading_deg)
    east, north = (rows.speed_mps * np.sin(angle)).tolist(), (rows.speed_mps * np.cos(angle)).tolist()
    place = rows.xyz[:, :2].tolist()
    near = 0
    for one, two in itertools.combinations(range(len(rows)), 2):
        dx, dy = place[two][0] - place[one][0], place[two][1] - place[one][1]
        vx, vy = east[two] - east[one], north[two] - north[one]
        square = vx * vx + vy * vy
        time_s = -(dx * vx + dy * vy) / square if square > 0 else 0.0
        near += 0 < time_s < 4 and math.hypot(dx + vx * time_s, dy + vy * time_s) < 3
    return len(rows)
