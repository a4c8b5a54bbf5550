"""Cases of what a rule is staged with: half of them concern the vehicle, and the others have nothing to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.v2x.actors import Ints

Mask = npt.NDArray[np.bool_]
ALL: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a vehicle has or has not to do with what is told. of: which applications it is staged for; none: all."""

    name: str
    concerns: bool
    of: tuple[str, ...] = ALL

    def is_of(self, application: str) -> bool:
        """Whether it is staged for an application."""
        return not self.of or application in self.of


def drawn(cases: Sequence[Case], application: str, n: int, random: np.random.Generator) -> Ints:
    """Rows of `cases` (n,): half of them concern the vehicle."""
    own = [number for number, one in enumerate(cases) if one.is_of(application)]
    yes, no = ([number for number in own if cases[number].concerns is concerns] for concerns in (True, False))
    return np.where(random.random(n) < 0.5, random.choice(yes, n), random.choice(no, n)).astype(np.int64)


def names(cases: Sequence[Case], rows: Ints) -> npt.NDArray[np.str_]:
    """Their names (n,)."""
    return np.array([one.name for one in cases])[rows]


def concerned(cases: Sequence[Case], rows: Ints) -> Mask:
    """Which of them concern the vehicle (n,)."""
    return np.array([one.concerns for one in cases], np.bool_)[rows]


def counted(cases: Sequence[Case], rows: Ints) -> dict[str, int]:
    """How many there are of each case that has some."""
    counts = np.bincount(rows, minlength=len(cases)).tolist()
    return {one.name: number for one, number in zip(cases, counts, strict=True) if number}
