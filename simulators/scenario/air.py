"""The radio between actors and whoever hears them, in real time: who has one, how often it speaks, what is late, lost and off.

It is wrapped around a clean replay: messages are made as ever, and what becomes of each on its way is drawn from the case's
values, so that a case has the same losses whenever it runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from chelu.clock import Clock
from chelu.messages import SPAT, Batch
from simulators.letters import STREAMS, Letters
from simulators.scenario.description import Description
from simulators.scenario.kinds import KINDS
from simulators.scenario.saying import said, says_anything
from simulators.scenario.trace import Floats, Ints, Trace
from simulators.scenario.traffic.passing import everybody, near
from simulators.scenario.values import values

ROADSIDE = "roadside unit"  # the sender of what it sees and of signals
NOBODY = -2  # device −1 is the roadside unit
_IS_SPAT = STREAMS.index(SPAT.name)
_EQUIPMENT, _NOISE, _WAY, _TRAFFIC = range(4)  # what is drawn, each from numbers of its own
FIRST_OF_TRAFFIC = 1_000_000  # by this and its number a vehicle of the traffic is told from actors where something is drawn

Mask = npt.NDArray[np.bool_]
Said = Callable[[int, Floats], Mapping[str, Ints]]


@dataclass(frozen=True, slots=True)
class Radio:
    """Of one run. equipped (a,): who has a radio; all others are seen by the roadside unit. latency_s: beside what there is.

    said: what an actor's messages at some times say of it beside its motion, by column of a BSM; None where nobody says anything.
    passing: by number the vehicles of the traffic that may be heard of, after the actors, and whether each has a radio.
    """

    rate_hz: float
    latency_s: float
    loss: float
    noise_m: float
    equipped: Mask
    seed: tuple[int, ...]
    said: Said | None = None
    passing: Mapping[int, bool] = field(default_factory=dict)

    def drawn(self, what: int) -> np.random.Generator:
        """Random numbers of the case, for one thing."""
        return np.random.default_rng([*self.seed, what])

    def off_m(self, actor: int, count: int) -> Floats:
        """How far east and north (count, 2) of where it is an actor says that it is."""
        return np.random.default_rng([*self.seed, _NOISE, actor]).normal(0.0, 1.0, (count, 2)) * self.noise_m

    def is_lost(self, actor: int, count: int) -> Mask:
        """Which of so many messages in a row are lost on their way; as `off_m` of traffic, whatever else there is."""
        return np.asarray(np.random.default_rng([*self.seed, _WAY, actor]).random(count) < self.loss)


def radio_of(description: Description, trace: Trace, run: int, *, with_all: bool = False) -> Radio:
    """What the description says of it. A latency that it does not give is none: messages are as late as they are.

    with_all: not only the traffic that is near an actor may be heard of, but all that comes in.
    """
    given = description.radio
    loss, noise, share = (
        float(values(value, trace.parameters, trace.runs)[run]) for value in (given.loss, given.noise_m, given.penetration)
    )
    latency_s = given.latency_s if "latency_s" in given.model_fields_set else 0.0
    seed = seed_of(trace, run)
    speaks = partial(said, description, trace, run) if says_anything(description) else None
    passing = _passing(description, everybody(trace) if with_all else near(trace), share, seed)
    return Radio(given.rate_hz, latency_s, loss, noise, equipped(description, share, seed), seed, speaks, passing)


def _passing(description: Description, numbers: Sequence[int], share: float, seed: tuple[int, ...]) -> dict[int, bool]:
    """Each is drawn by itself: who else comes does not matter."""
    if description.traffic is None or description.traffic.unheard:
        return {}
    return {number: bool(np.random.default_rng([*seed, _TRAFFIC, number]).random() < share) for number in numbers}


def seed_of(trace: Trace, run: int) -> tuple[int, ...]:
    """Of a case: the same one alone and in any company."""
    return case_seed(trace.parameters, run)


def case_seed(parameters: Mapping[str, Floats], run: int) -> tuple[int, ...]:
    """The same, by the values of its parameters."""
    said = ",".join(f"{name}={float(column[run]).hex()}" for name, column in sorted(parameters.items()))
    return tuple(hashlib.sha256(said.encode()).digest())


def equipped(description: Description, share: float, seed: tuple[int, ...]) -> Mask:
    """Which actors (a,) have a radio: this share of the vehicles, drawn, but what is under test in any case."""
    has = np.array([KINDS[one.kind].has_unit for one in description.actors.values()])
    if share >= 1.0:
        return has
    others = np.flatnonzero(has & ~np.array([one.under_test for one in description.actors.values()]))
    chosen = np.random.default_rng([*seed, _EQUIPMENT]).permutation(others)[round(share * len(others)) :]
    has[chosen] = False
    return has


@dataclass(slots=True)
class Air:
    """What becomes of a run's messages. own: a device that is no part of it: what it says itself it has by wire.

    Belongs to the replay's thread.
    """

    radio: Radio
    clock: Clock
    own: int = NOBODY
    _random: np.random.Generator = field(init=False)
    _rows: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = self.radio.drawn(_WAY)

    def through(self, letters: Letters) -> Letters:
        """Those that arrive, as late as they do."""
        is_own = letters.device == self.own
        is_lost = (self._random.random(len(letters)) < self.radio.loss) & ~is_own & (letters.stream != _IS_SPAT)
        self._note(letters.take(np.flatnonzero(is_lost)), np.nan)
        due_s = letters.due_s + np.where(is_own, 0.0, self.radio.latency_s)
        return replace(letters, due_s=due_s).take(np.flatnonzero(~is_lost))

    def arrive(self, letters: Letters) -> None:
        """These are with those who hear them now."""
        self._note(letters, float(self.clock.wall_us()))

    def _note(self, letters: Letters, received_us: float) -> None:
        spoken = letters.stream != _IS_SPAT
        self._rows.append((letters.device[spoken], letters.event_us[spoken], received_us))

    def messages(self, run: int, names: Sequence[str], anchor_us: int) -> Batch:
        """As `Trace.messages`; anchor_us: the run's beginning."""
        counts = [len(devices) for devices, _, _ in self._rows]
        devices = np.concatenate([np.zeros(0, np.int64), *(one for one, _, _ in self._rows)])
        event_us = np.concatenate([np.zeros(0, np.int64), *(one for _, one, _ in self._rows)])
        received_us = np.repeat(np.array([one for _, _, one in self._rows], np.float64), counts)
        senders = np.array([*names, ROADSIDE], "U48")[devices]  # −1 is the last
        found = {
            "run": np.full(len(devices), run, np.int64),
            "sender": senders,
            "sent_s": (event_us - anchor_us) / 1e6,
            "received_s": (received_us - anchor_us) / 1e6,
        }
        return Batch(found).take(np.argsort(found["sent_s"], kind="stable"))
