"""What a run leaves behind: every actor's motion as columns, many concrete runs of one scenario side by side.

The engine writes it, metrics and verdicts read it, recordings become it. Times are seconds since the run's beginning; planes are
the road's local metres, east then north; headings are degrees clockwise from north.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch
from chelu.motion.conflict import Futures
from simulators.scenario.ways import Ways

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Actor:
    """One road user of a scenario: its size in metres, its mass in kg, and whether it is what the test is about.

    is_traffic: whether it is a place for background traffic, in which there is nobody (NaN) for a part of the run, or for all.
    """

    name: str
    kind: str
    length_m: float
    width_m: float
    mass_kg: float
    is_under_test: bool = False
    is_traffic: bool = False


@dataclass(frozen=True, slots=True)
class Passing:
    """Which vehicles of the background traffic are in its places. number (t, k): −1 where nobody is.

    kinds: of all who come in during the run, by number, near an actor or not.
    """

    number: Ints
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """n concrete runs of a actors at t instants, `step_s` apart.

    xy (t, n, a, 2) centres; elevation_m, heading_deg, speed_mps (along the heading), acceleration_mps2, along_m and aside_m
    (place on the way, aside right of its reference line) and aside_mps: (t, n, a). way (n, a): row of `ways`. last (n,): the last
    instant that counts: the contact's, or the run's end; later ones are not to be looked at. contact_s (n,): when two actors
    first touch, between two instants, inf when none do; contact (n, 2): which, −1 for none. fired: by manoeuvre, (n,) when it
    began, NaN when never. lights: by signal, (t, n) of `chelu.codec` LightState. parameters: by name, (n,) the values that make a
    run concrete. stop_lines: by signal, the row of its way and the place along it. warnings: who was warned of whom: columns run,
    time_s, application, host, other, state and, where it is known, latency_s; None where nobody could warn. messages: of
    recordings and runs in real time, columns run, sender, sent_s, received_s (NaN: lost); None elsewhere. broken (n,): why a run
    did not come to its end, empty where it did; () where all did. rig: by metric, (n,) what it says of itself. cooperation: with
    a device in the loop what it and the roadside said to one another (`simulators.scenario.dut.cooperating.rows_of`). passing: of
    one run with background traffic; None of several together.
    """

    actors: tuple[Actor, ...]
    step_s: float
    ways: Ways
    way: Ints
    xy: Floats
    elevation_m: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    along_m: Floats
    aside_m: Floats
    aside_mps: Floats
    last: Ints
    contact_s: Floats
    contact: Ints
    fired: Mapping[str, Floats] = field(default_factory=dict)
    lights: Mapping[str, Ints] = field(default_factory=dict)
    parameters: Mapping[str, Floats] = field(default_factory=dict)
    stop_lines: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    warnings: Batch | None = None
    messages: Batch | None = None
    cooperation: Batch | None = None
    broken: tuple[str, ...] = ()
    rig: Mapping[str, Floats] = field(default_factory=dict)
    passing: Passing | None = None

    @property
    def cast(self) -> int:
        """How many actors the scenario has itself; the columns of background traffic come after theirs."""
        return sum(not one.is_traffic for one in self.actors)

    @property
    def instants(self) -> int:
        """How many instants: t."""
        return len(self.speed_mps)

    @property
    def runs(self) -> int:
        """How many runs: n."""
        return int(self.speed_mps.shape[1])

    @property
    def time_s(self) -> Floats:
        """(t,) seconds since the beginning."""
        return np.asarray(np.arange(self.instants) * self.step_s, np.float64)

    @property
    def counts(self) -> npt.NDArray[np.bool_]:
        """(t, n): which instants of which runs count."""
        return np.asarray(np.arange(self.instants)[:, None] <= self.last)

    def index(self, actor: str) -> int:
        """Which column an actor has; KeyError for one of another name."""
        for row, one in enumerate(self.actors):
            if one.name == actor:
                return row
        raise KeyError(actor)

    def futures(self, actor: int) -> Futures:
        """One actor's whole way in every run, as `chelu.motion` takes it: (n, t)."""
        one, size = self.actors[actor], np.empty((self.runs, 2))
        size[:] = one.length_m, one.width_m
        return Futures(
            np.ascontiguousarray(self.xy[:, :, actor].transpose(1, 0, 2)),
            np.ascontiguousarray(self.heading_deg[:, :, actor].T),
            size,
        )
