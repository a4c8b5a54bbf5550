"""Which manoeuvres have begun and ended in which runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from simulators.scenario.conditions import Trigger
from simulators.scenario.description import Description
from simulators.scenario.trace import Floats

Rows = npt.NDArray[np.intp]


@dataclass(slots=True)
class Progress:
    """began_s, ended_s (m, n): seconds, NaN until it is so. is_watched: whether any trigger asks for ends."""

    began_s: Floats
    ended_s: Floats
    is_watched: bool

    @classmethod
    def of(cls, description: Description, runs: int) -> Self:
        """Nothing has begun."""
        shape = len(description.manoeuvres), runs
        asks = any(one.after is not None and one.after.state == "ended" for one, _ in triggers_of(description))
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), asks)

    def end(self, manoeuvre: Rows, runs: Rows, now_s: float) -> None:
        """These are over in these runs, pair by pair; −1 is none, and what has ended stays so."""
        fresh = (manoeuvre >= 0) & np.isnan(self.ended_s[manoeuvre, runs])
        self.ended_s[manoeuvre[fresh], runs[fresh]] = now_s


def triggers_of(description: Description) -> Iterator[tuple[Trigger, str]]:
    """Every trigger, those inside others, too; and whose manoeuvre it is, nobody's for the run's end."""
    waiting = [(one.when, one.actor) for one in description.manoeuvres]
    if description.end.when is not None:
        waiting.append((description.end.when, ""))
    while waiting:
        one, actor = waiting.pop()
        yield one, actor
        waiting += [(inner, actor) for inner in (*one.any_of, *one.all_of)]
