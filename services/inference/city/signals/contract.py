"""The contract of signal controllers: what they know of the junctions, what they see, what they decide. Arrays, no I/O.

Junctions are rows; stages, lanes, movements and exits are places in a row, padded to the most that any junction has. A movement
is a way over the stop line: from a lane to an exit, under one signal. What is decided goes to the signal as a command and is
carried out there within its limits (`chelu.signals`), so no controller can do harm, only badly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
CLOSED, PERMISSIVE, PROTECTED = 0, 1, 2  # what a stage gives to a movement: permissive has to give way
ACCELERATES_MPS2 = 2.0


@dataclass(frozen=True, slots=True)
class Streets:
    """m lanes that lead from one signal to the next: from an exit of `begin` to the line of `lane` at `end`, length in metres."""

    begin: Ints
    exit: Ints
    end: Ints
    lane: Ints
    length_m: Floats

    @classmethod
    def none(cls) -> Streets:
        """Where no signal follows another one, or nobody knows."""
        nobody = np.empty(0, np.int64)
        return cls(nobody, nobody, nobody, nobody, np.empty(0))


@dataclass(frozen=True, slots=True)
class Junctions:
    """j junctions; s stages, k movements, l lanes, x exits at most.

    opens (j, s, k): CLOSED, PERMISSIVE or PROTECTED. yields (j, k, k): whether the first one gives way when permissive.
    Times in seconds (j, s); an unused place of a stage is not in is_stage, of a movement has lane −1.
    """

    is_stage: Mask
    opens: Ints
    yields: Mask
    lane: Ints  # (j, k) of a movement
    exit: Ints  # (j, k) of a movement
    is_lane: Mask  # (j, l)
    speed_mps: Floats  # (j, l) that is allowed
    exit_places: Floats  # (j, x) vehicles that find room
    green_s: Floats
    least_green_s: Floats
    most_green_s: Floats
    change_s: Floats
    offset_s: Floats  # (j,) of the plan's cycle
    streets: Streets = field(default_factory=Streets.none)

    def is_full(self, exit_queue: Floats, room: float) -> Mask:
        """Whether a movement leads to where the standing ones (j, x) leave less room than for so many (j, k)."""
        rows, exits = np.arange(len(self.exit))[:, None], np.maximum(self.exit, 0)
        queue = exit_queue[rows, exits]
        return np.asarray((queue > 0) & (self.exit_places[rows, exits] - queue < room))

    def serves(self) -> Mask:
        """Whether a stage opens any movement of a lane (j, s, l)."""
        junctions, stages, _ = self.opens.shape
        found = np.zeros((junctions, stages, self.is_lane.shape[1]), np.bool_)
        row, movement = np.nonzero(self.lane >= 0)
        for stage in range(stages):
            np.logical_or.at(found[:, stage], (row, self.lane[row, movement]), self.opens[row, stage, movement] > CLOSED)
        return found


@dataclass(frozen=True, slots=True)
class Vehicles:
    """n vehicles before a stop line, those of a lane by distance. is_queued: it has stood since it came."""

    junction: Ints
    lane: Ints
    movement: Ints
    distance_m: Floats
    speed_mps: Floats
    is_queued: Mask
    is_new: Mask  # seen for the first time

    def count(self, shape: tuple[int, int], which: Mask | None = None) -> Floats:
        """How many there are in each lane (j, l)."""
        found = np.zeros(shape)
        rows, lanes = (self.junction, self.lane) if which is None else (self.junction[which], self.lane[which])
        np.add.at(found, (rows, lanes), 1.0)
        return found

    def free_s(self, junctions: Junctions) -> Floats:
        """When each would be at the line on a free road (n,), from its place and speed."""
        allowed = junctions.speed_mps[self.junction, self.lane]
        behind = np.maximum(allowed - self.speed_mps, 0.0)
        return np.asarray(self.distance_m / allowed + behind**2 / (2.0 * ACCELERATES_MPS2 * allowed))


@dataclass(frozen=True, slots=True)
class State:
    """What is seen now. stage (j,): shown, or next during a change; green_s (j,): since its begin, below 0 until then."""

    now_s: float
    stage: Ints
    green_s: Floats
    vehicles: Vehicles
    exit_queue: Floats  # (j, x) vehicles that stand in an exit


@dataclass(frozen=True, slots=True)
class Decision:
    """The stage that a junction is to show, and for how long from now that holds (change included), seconds; both (j,)."""

    stage: Ints
    duration_s: Floats


class Controller(Protocol):
    """Asked once a second, from one thread, with times that grow; the answer is used where the last one has run out."""

    def decide(self, state: State) -> Decision:
        """What to show from now on, at all junctions."""
        ...
