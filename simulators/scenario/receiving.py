"""When a message is received for which a trigger waits: a vehicle's own, a signal's, or what the roadside tells.

Senders speak as often as `radio` has it, and each message is late and may be lost as it says there. What is lost on the way to
one who waits is drawn from the case's values: the same alone and in any company; to somebody else other messages are lost.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.units import KMH_PER_MPS
from simulators.scenario.air import case_seed, equipped
from simulators.scenario.conditions import ReceivedCondition
from simulators.scenario.manoeuvres import says_of
from simulators.scenario.plan import Plan
from simulators.scenario.progress import Progress
from simulators.scenario.roads import LIGHTS
from simulators.scenario.state import State
from simulators.scenario.trace import Floats

Bools = npt.NDArray[np.bool_]

_EARLY_S = 1e-9
TOLD_EVERY_S = 1.0  # what the roadside tells of the road


@dataclass(slots=True)
class Receiving:
    """Of one trigger; asked at every instant in turn. listener: whose."""

    plan: Plan
    progress: Progress
    condition: ReceivedCondition
    listener: int
    _came_s: Floats = field(init=False)
    _can: Bools = field(init=False)
    _lost: Bools = field(init=False)
    _sent: tuple[int, float, Bools] | None = None  # number, instant and what held of the motion, of what left last
    _next: int = 0

    def __post_init__(self) -> None:
        count = int(self.plan.description.end.after_s / self.period_s) + 2
        self._came_s = np.full(self.plan.runs, np.inf)
        self._can, self._lost = self._drawn(count)

    @property
    def period_s(self) -> float:
        """Between two messages."""
        return TOLD_EVERY_S if self.condition.message == "rsi" else 1.0 / self.plan.description.radio.rate_hz

    def holds(self, state: State, instant: int) -> Bools:
        """(n,) whether it was received so long ago. What is said is known once all have begun what they begin at its instant."""
        now_s = instant * self.plan.description.step_s
        if self._sent is not None:
            self._arrive(*self._sent)
            self._sent = None
        if now_s >= self._next * self.period_s - _EARLY_S:
            self._sent = self._next, now_s, self._moves(state, instant)
            self._next += 1
        return np.asarray(now_s >= self._came_s + self.condition.after_s - _EARLY_S)

    def _arrive(self, number: int, sent_s: float, moves: Bools) -> None:
        is_such = moves & self._says(sent_s) & self._can & ~self._lost[:, number]
        arrival_s = sent_s + self.plan.description.radio.latency_s
        self._came_s = np.where(is_such, np.minimum(self._came_s, arrival_s), self._came_s)

    def _moves(self, state: State, instant: int) -> Bools:
        """What the instant itself has: the light, or the sender's speed."""
        one, plan = self.condition, self.plan
        if one.signal is not None:
            return np.asarray(plan.lights[one.signal][instant] == int(LIGHTS[one.shows or "red"]))
        found = np.ones(plan.runs, np.bool_)
        if one.sender is not None and one.speed_kmh is not None:
            speed_kmh = state.speed_mps[:, plan.index(one.sender)] * KMH_PER_MPS
            bound = one.speed_kmh
            found = speed_kmh < plan.of(bound.below) if bound.below is not None else speed_kmh > plan.of(bound.above or 0.0)
        return np.asarray(found)

    def _says(self, at_s: float) -> Bools:
        """Whether the sender says all that is asked for: by the newest of its `says` then."""
        one, runs = self.condition, self.plan.runs
        if not one.asks_what_is_said:
            return np.ones(runs, np.bool_)
        rows = says_of(self.plan.description.manoeuvres, one.sender or "")
        began = np.stack([self.progress.began_s[row] for row, _ in rows])
        began = np.where(began <= at_s + _EARLY_S, began, -np.inf)  # NaN: not yet
        newest = len(rows) - 1 - np.argmax(began[::-1], axis=0)
        such = np.array([one.is_said_by(says) for _, says in rows])
        return np.asarray(such[newest] & np.isfinite(began.max(axis=0)))

    def _drawn(self, count: int) -> tuple[Bools, Bools]:
        """(n,) who has the radios for it, (n, count) which messages are lost on the way."""
        plan, description = self.plan, self.plan.description
        radio, parties = description.radio, [self.listener]
        if self.condition.sender is not None:
            parties.append(plan.index(self.condition.sender))
        loss, share = plan.of(radio.loss), plan.of(radio.penetration)
        can, lost = np.ones(plan.runs, np.bool_), np.zeros((plan.runs, count), np.bool_)
        way = f"{plan.actors[self.listener].name} {self.condition.model_dump_json()}".encode()
        number = int.from_bytes(hashlib.sha256(way).digest()[:4])
        for run in np.flatnonzero((loss > 0.0) | (share < 1.0)).tolist():
            seed = case_seed(plan.cases.columns, run)
            can[run] = equipped(description, float(share[run]), seed)[parties].all()
            if self.condition.message != "spat":  # as everywhere: lights are late, and not lost
                lost[run] = np.random.default_rng([*seed, number]).random(count) < loss[run]
        return can, lost
