"""Encounters of one kind: who meets whom, thousands side by side and kilometres apart, with what is true of each.

Actors lie in blocks: encounter e has the actors e, n + e, 2n + e, …; actor block 0 is the host that must be warned, block 1 the
other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evaluation.v2x.actors import Actors, Floats, Ints, turned

APART_M = 2500.0


@dataclass(frozen=True, slots=True)
class Encounters:
    """n encounters of `blocks` actors each.

    onset_s (n,): since when the danger could be foreseen from what everybody does; ends_s (n,): later contacts are of another
    kind.
    """

    application: str
    actors: Actors
    onset_s: Floats
    ends_s: Floats
    lasts_s: float

    def __len__(self) -> int:
        return len(self.onset_s)

    @property
    def blocks(self) -> int:
        """How many actors each has."""
        return len(self.actors) // len(self)

    def rows(self, block: int) -> Ints:
        """The actors of one block."""
        return np.arange(block * len(self), (block + 1) * len(self))


def spread_out(actors: Actors, n: int, random: np.random.Generator) -> Actors:
    """Turn each encounter by an angle of its own and put it on a grid `APART_M` wide."""
    columns = math.ceil(math.sqrt(n))
    place = np.arange(n)
    centre = (np.stack([place % columns, place // columns], axis=1) - columns / 2.0) * APART_M
    blocks = len(actors) // n
    return turned(actors, np.tile(random.uniform(0, 360, n), blocks), np.tile(centre, (blocks, 1)))
