"""Do ways cost warnings: collisions on the map, made of a recording, `python -m evaluation.models.motion.shifted [--trace FILE]`.

Nobody collides in a recording. Two of its vehicles whose paths cross, one moved in time so that both are there at once, do: both
drive as recorded, heedless of the other, over a junction of the map. Warned of with the motion model's ways, and with physics.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chelu.motion.conflict import Futures
from chelu.motion.sweep import first_touch_s
from evaluation.models.motion.tracks import EPOCH_US, Recording, read_trace, reports_at
from services.inference.life import State
from services.inference.motion_model import MotionModel, OnnxMotionModel, shipped
from services.inference.reports import Floats, Ints
from services.inference.site import Site, SiteParameters

SEED = 5
STEP_S, BEFORE, AFTER = 0.1, 60, 10  # samples before both are where their paths cross, and after
_LEAST_MPS, _LEAST_DEG, _MOST_DEG = 4.0, 35.0, 145.0
_NEAR_M, _DECK_M, _STRIDE = 2.5, 1.5, 5
_LEAST_FORESIGHT_S = 4.5
_TRIES_EACH = 2000
_HEAD = "| | warned | lead, s: p5 | p25 | p50 | 1 s or more |\n|---|---|---|---|---|---|"
_APPLICATIONS = ("icw", "lta", "fcw")


@dataclass(frozen=True, slots=True)
class Collision:
    """Rows of the recording of both vehicles, sample by sample, and when they touch."""

    one: Ints
    two: Ints
    contact_s: float


def main(arguments: list[str] | None = None) -> None:
    """Print how many were warned of, and how long before."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.models.motion.shifted", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--trace", type=Path, default=Path(__file__).parents[3] / "simulators" / "data" / "district_trace.npz")
    parser.add_argument("--number", type=int, default=150)
    options = parser.parse_args(arguments)
    recording = read_trace(options.trace)
    found = list(itertools.islice(collisions(recording, options.number * _TRIES_EACH), options.number))
    print(f"{recording.name}, {len(found)} collisions:\n\n{_HEAD}")
    for name, model in (("ways", OnnxMotionModel(shipped())), ("physics", None)):
        print(row(name, leads_s(recording, found, model)))


def row(name: str, leads: Floats) -> str:
    """As Markdown."""
    was_warned = leads > 0
    given = leads[was_warned] if was_warned.any() else np.full(1, np.nan)
    spread = " | ".join(f"{one:.2f}" for one in np.percentile(given, [5, 25, 50]))
    return f"| {name} | {was_warned.mean():.3f} | {spread} | {np.mean(leads >= 1.0):.2f} |"


def collisions(recording: Recording, tries: int) -> Iterator[Collision]:
    """Seeded; both drive at 4 m/s or more there, at 35° to 145°, and have been on their way for 6 s."""
    random = np.random.default_rng(SEED)
    order = np.lexsort((recording.time_s, recording.vehicle))
    tracks = np.split(order, np.flatnonzero(np.diff(recording.vehicle[order])) + 1)
    tracks = [track for track in tracks if len(track) > 2 * BEFORE]
    for _ in range(tries):
        one, two = (tracks[index] for index in random.choice(len(tracks), 2, replace=False))
        met = _crossing(recording, one, two)
        if met is not None and (found := _collision(recording, one, two, met)) is not None:
            yield found


def _crossing(recording: Recording, one: Ints, two: Ints) -> tuple[int, int] | None:
    """The samples at which both are nearest in space, if that is a crossing on one deck."""
    a, b = recording.xyz[one[::_STRIDE]], recording.xyz[two[::_STRIDE]]
    if (a.max(axis=0) + _NEAR_M < b.min(axis=0))[:2].any() or (b.max(axis=0) + _NEAR_M < a.min(axis=0))[:2].any():
        return None
    apart = np.hypot(*(a[:, None, axis] - b[None, :, axis] for axis in (0, 1)))
    apart[np.abs(a[:, None, 2] - b[None, :, 2]) > _DECK_M] = np.inf
    at, beside = (int(index) for index in np.unravel_index(np.argmin(apart), apart.shape))
    return (at * _STRIDE, beside * _STRIDE) if apart[at, beside] <= _NEAR_M else None


def _collision(recording: Recording, one: Ints, two: Ints, met: tuple[int, int]) -> Collision | None:
    """What lies around that crossing, if they really touch there, and not before they can be seen coming."""
    speed, heading = recording.speed_mps, recording.heading_deg
    at, beside = one[met[0]], two[met[1]]
    angle = abs((heading[at] - heading[beside] + 180.0) % 360.0 - 180.0)
    is_early = min(met) < BEFORE or met[0] + AFTER > len(one) or met[1] + AFTER > len(two)
    if is_early or min(speed[at], speed[beside]) < _LEAST_MPS or not _LEAST_DEG < angle < _MOST_DEG:
        return None
    rows = [track[middle - BEFORE : middle + AFTER] for track, middle in ((one, met[0]), (two, met[1]))]
    a, b = (_driven(recording, part) for part in rows)
    contact = float(first_touch_s(a, b, STEP_S)[0])
    return Collision(rows[0], rows[1], contact) if _LEAST_FORESIGHT_S <= contact < np.inf else None


def _driven(recording: Recording, rows: Ints) -> Futures:
    size = recording.size_m[recording.vehicle[rows[0]]]
    return Futures(recording.xyz[rows, :2][None], recording.heading_deg[rows][None], size[None])


def leads_s(recording: Recording, found: list[Collision], model: MotionModel | None) -> Floats:
    """How long before the contact the first warning of either came, −1 for none: (n,). Each pair is alone on its map."""
    return np.array([_lead_s(recording, one, model) for one in found])


def _lead_s(recording: Recording, collision: Collision, model: MotionModel | None) -> float:
    site = Site(SiteParameters(), roads=recording.roads, model=model, new_id=map(str, itertools.count()).__next__)
    for tick in range(int(collision.contact_s / STEP_S) + 1):
        time_us = np.full(2, EPOCH_US + tick * 100_000)
        rows = reports_at(recording, np.array([collision.one[tick], collision.two[tick]]))
        notices = site.step(replace(rows, time_us=time_us, arrival_us=time_us), int(time_us[0]))
        if any(one.state is State.RAISED and one.application in _APPLICATIONS for one in notices):
            return collision.contact_s - tick * STEP_S
    return -1.0


if __name__ == "__main__":
    main()
