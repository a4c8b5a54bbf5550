"""Runs grids with drivers: in chunks that depend on the grids alone, on one process or several, to the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import MappingProxyType

import numpy as np

from chelu import memory
from simulators.scenario.r157 import manoeuvres
from simulators.scenario.r157.drivers import DRIVERS, Bools, Driver
from simulators.scenario.r157.grids import Cases, Grid, cases_of

CHUNK = 4096  # cases: their columns stay in a core's cache
MANOEUVRES: Mapping[Grid, Callable[[Cases, Driver], Bools]] = MappingProxyType(
    {
        Grid.CUT_IN_LOW: manoeuvres.cut_in,
        Grid.CUT_IN_HIGH: manoeuvres.cut_in,
        Grid.CUT_OUT: manoeuvres.cut_out,
        Grid.DECELERATION: manoeuvres.deceleration,
    }
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One grid met by one driver."""

    grid: Grid
    driver: str

    def __len__(self) -> int:
        return len(cases_of(self.grid))


@dataclass(frozen=True, slots=True)
class Outcome:
    """has_collided: (n,) of the grid's cases, in its order."""

    sweep: Sweep
    has_collided: Bools

    @property
    def collisions(self) -> int:
        return int(self.has_collided.sum())


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a sweep."""

    sweep: Sweep
    start: int

    def __len__(self) -> int:
        return min(CHUNK, len(self.sweep) - self.start)


def sweeps(grids: Sequence[Grid] = tuple(Grid), drivers: Sequence[str] = tuple(DRIVERS)) -> list[Sweep]:
    """All of these that are defined: one driver is for cut-ins only."""
    is_cut_in = {grid: MANOEUVRES[grid] is manoeuvres.cut_in for grid in grids}
    return [Sweep(grid, name) for grid in grids for name in drivers if is_cut_in[grid] or DRIVERS[name].following]


def run(wanted: Sequence[Sweep], workers: int = 1, tell: Callable[[int], None] = lambda _: None) -> list[Outcome]:
    """The outcomes in the order asked for; `tell` is called with the number of cases of every chunk that is done."""
    chunks = [Chunk(sweep, start) for sweep in wanted for start in range(0, len(sweep), CHUNK)]
    parts: dict[Sweep, list[Bools]] = {sweep: [] for sweep in wanted}
    for chunk, found in zip(chunks, _found(chunks, workers), strict=True):
        parts[chunk.sweep].append(found)
        tell(len(chunk))
    return [Outcome(sweep, np.concatenate(parts[sweep])) for sweep in wanted]


def _found(chunks: Sequence[Chunk], workers: int) -> Iterator[Bools]:
    if workers == 1:
        yield from map(collided, chunks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver"), initializer=memory.keep) as pool:
        yield from pool.map(collided, chunks)


def collided(chunk: Chunk) -> Bools:
    """(n,) of a chunk's cases."""
    cases = cases_of(chunk.sweep.grid).take(slice(chunk.start, chunk.start + CHUNK))
    return MANOEUVRES[chunk.sweep.grid](cases, DRIVERS[chunk.sweep.driver])
