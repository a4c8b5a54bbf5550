"""The course of one run in real time, which changes once somebody is warned for whose warning a manoeuvre waits.

Everybody drives as the engine has it until then. The engine works the run out anew with each warning that is waited for; since it
is deterministic and looks at nothing later, both courses are the same until somebody acts: what has left already stays true, and
whoever speaks goes on with the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from chelu.messages import Batch
from simulators.replay import Options
from simulators.scenario.air import Radio, radio_of
from simulators.scenario.conditions import Trigger
from simulators.scenario.description import Description
from simulators.scenario.engine import simulate
from simulators.scenario.metrics.messages import first_of, of_kind
from simulators.scenario.plan import Plan
from simulators.scenario.trace import Trace
from simulators.scenario.triggers import Wanted, wanted

OPTIONS = Options(patience_s=5.0)  # longer, and nothing could be judged any more
LOOK_AHEAD_S, AHEAD_S = 0.1, 0.05


def awaited(description: Description) -> Mapping[Wanted, float]:
    """Warnings for which manoeuvres wait, or the run's end; and how soon after each somebody acts at the earliest (s)."""
    found: dict[Wanted, float] = {}
    waiting = [(one.when, one.actor) for one in description.manoeuvres]
    if description.end.when is not None:
        waiting.append((description.end.when, ""))
    for when, actor in waiting:
        for one, after_s in _awaited(when, actor, 0.0):
            found[one] = min(found.get(one, np.inf), after_s)
    return found


def _awaited(when: Trigger, actor: str, delay_s: float) -> Iterator[tuple[Wanted, float]]:
    delay_s += when.delay_s
    if when.warned is not None:
        yield wanted(when.warned, actor), delay_s + when.warned.after_s
    for inner in (*when.any_of, *when.all_of):
        yield from _awaited(inner, actor, delay_s)


@dataclass(slots=True)
class Course:
    """One run's. Belongs to the thread that drives it; while messages leave, the engine works in a thread of its own.

    trace: as everybody drives by what is known. late_s: the most by which somebody acted later than they would have, since what
    they do then had been told already.
    """

    made: Plan
    trace: Trace = field(init=False)
    late_s: float = 0.0
    _waits: Mapping[Wanted, float] = field(init=False)
    _came_s: dict[Wanted, float] = field(default_factory=dict)
    _worker: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "course"))
    _next: Future[Trace] | None = None
    _differs_s: float = np.inf  # from when the next course is another one

    def __post_init__(self) -> None:
        self.trace, self._waits = simulate(self.made), awaited(self.made.description)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    @property
    def name(self) -> str:
        """The scenario's."""
        return self.made.description.scenario

    @property
    def radio(self) -> Radio:
        """As the description has it: what actors say of themselves, and who of the traffic is near, hangs on the course."""
        return radio_of(self.made.description, self.trace, 0, with_all=bool(self._waits))

    @property
    def pace(self) -> Options:
        """How it is replayed: where it may change, nothing is told long before it is due."""
        return replace(OPTIONS, look_ahead_s=LOOK_AHEAD_S, ahead_s=AHEAD_S) if self._waits else OPTIONS

    @property
    def may_change(self) -> bool:
        """Whether there is any warning left that would change it."""
        return len(self._came_s) < len(self._waits)

    def warned(self, warnings: Batch, through_s: float) -> None:
        """All warnings of the run until now, in the columns of `Trace.warnings`; what is told until through_s stays as it is."""
        fresh = {one: at_s for one in self._waits.keys() - self._came_s.keys() if np.isfinite(at_s := _first_s(warnings, one))}
        for one, at_s in fresh.items():
            after_s = self._waits[one]
            self._came_s[one] = max(at_s, through_s - after_s)
            self.late_s = max(self.late_s, self._came_s[one] - at_s)
            self._differs_s = min(self._differs_s, self._came_s[one] + after_s)
        if fresh:
            came = {one: np.array([at_s]) for one, at_s in self._came_s.items()}
            self._next = self._worker.submit(simulate, self.made, came)

    def turned(self, until_s: float) -> bool:
        """Whether the course has changed, as far as it is told until then; waits for the engine only if it must."""
        if self._next is None or until_s <= self._differs_s:
            return False
        self.trace, self._next, self._differs_s = self._next.result(), None, np.inf
        return True


def _first_s(warnings: Batch, one: Wanted) -> float:
    return float(first_of(of_kind(warnings, *one), 1)[0])
