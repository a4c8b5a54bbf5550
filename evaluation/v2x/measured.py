"""What measuring and the air make of true states, staged or recorded: positions that drift, noise, delay and loss. Seeded.

The error of a satellite position is mostly slow: four fifths of its variance drift with a time constant of 10 s, the rest is new
with each message. A roadside unit's view of who has no radio has the same errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evaluation.v2x.actors import Floats
from services.inference.reports import Reports

Mask = npt.NDArray[np.bool_]
_DRIFT_S, _DRIFT_SHARE = 10.0, 0.8
_HEIGHT_M, _SPEED_MPS, _HEADING_DEG, _RATE_MPS2, _YAW_DPS = 0.5, 0.1, 0.4, 0.1, 0.3
_TURNS_FROM_MPS = 0.5  # who stands measures no turn rate


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


def position_errors_m(random: np.random.Generator, times_s: Floats, sigma_m: Floats) -> Floats:
    """Errors (n, s, 2) at instants (n, s) of n receivers with these deviations (n,): a slow drift and a fresh part."""
    each = sigma_m[:, None, None]
    fresh = random.normal(0, 1, (*times_s.shape, 2)) * np.sqrt(1.0 - _DRIFT_SHARE)
    kept = np.exp(-np.diff(times_s, axis=1) / _DRIFT_S)
    drift = np.empty((*times_s.shape, 2))
    drift[:, 0] = random.normal(0, 1, (len(times_s), 2))
    for step in range(1, times_s.shape[1]):
        share = kept[:, step - 1, None]
        drift[:, step] = share * drift[:, step - 1] + np.sqrt(1.0 - share**2) * random.normal(0, 1, (len(times_s), 2))
    return np.asarray(each * (fresh + drift * np.sqrt(_DRIFT_SHARE)))


def on_air(random: np.random.Generator, loss: Floats, latency_s: Floats, shape: tuple[int, ...]) -> tuple[Mask, Floats]:
    """Which of messages in this shape arrive, and how long each takes: its latency, up to a fifth more or less."""
    heard = random.random(shape) >= loss
    return heard, np.asarray(latency_s * random.uniform(0.8, 1.2, shape))


def measured(random: np.random.Generator, true: Reports, errors_m: Floats) -> Reports:
    """Reports of true states (m rows) as they are measured; errors_m (m, 2): of their positions."""
    n, speed = len(true), true.speed_mps
    up_m = random.normal(0, _HEIGHT_M, n)
    moves, turns = speed > 0, speed > _TURNS_FROM_MPS
    return replace(
        true,
        xyz=true.xyz + np.concatenate([errors_m, up_m[:, None]], axis=1),
        speed_mps=np.maximum(speed + random.normal(0, _SPEED_MPS, n) * moves, 0.0),
        heading_deg=np.mod(true.heading_deg + random.normal(0, _HEADING_DEG, n), 360.0),
        acceleration_mps2=true.acceleration_mps2 + random.normal(0, _RATE_MPS2, n),
        yaw_rate_dps=true.yaw_rate_dps + random.normal(0, _YAW_DPS, n) * turns,
    )
