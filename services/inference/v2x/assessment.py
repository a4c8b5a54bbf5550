"""What an application says about pairs: the common answer that warning life works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.reports import Floats, Ints


@dataclass(frozen=True, slots=True)
class Assessment:
    """n findings of one application: who is to be warned (host) of whom (other), slots of the picture.

    level: 0 keeps a warning that is already up (hysteresis) but raises none, 1 warns, 2 is imminent. ttc_s: time to the
    collision, required_mps2: deceleration the host needs, distance_m: gap or way to the conflict.
    """

    application: str
    host: Ints
    other: Ints
    level: Ints
    ttc_s: Floats
    required_mps2: Floats
    distance_m: Floats

    def __len__(self) -> int:
        return len(self.host)


def both_ways(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Ordered pairs (host, other) of unordered ones: first a → b, then b → a."""
    return np.concatenate([a, b]), np.concatenate([b, a])
