"""Many cases on several processes: in chunks that depend on the scenario alone, so that any number of workers finds the same.

A worker that is killed costs its chunk only: the chunk is run again by another. Chunks come back in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from chelu import memory
from chelu.errors import CheluError
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE

ACTOR_STEPS = 3_000_000  # of a chunk: some tenths of a second of work, some 250 MB of trace
MOST_PER_CHUNK = 4096
DEVICE_CASES = 4
TRIES = 3

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerLostError(CheluError):
    """A chunk's worker ended without an answer, again and again."""

    exit_code = 3

    def __init__(self, chunk: int, tries: int) -> None:
        self.chunk, self.tries = chunk, tries
        super().__init__(f"chunk {chunk} ended its worker {tries} times: too little memory, or a fault of the machine")


def cases_per_chunk(description: Description, device: str = NONE) -> int:
    """How many cases of a scenario make a chunk. A device looks at each by itself, and takes some tenths of a second for it.

    Background traffic is driven case by case, and takes seconds.
    """
    if description.traffic is not None:
        return 1
    if device != NONE:
        return DEVICE_CASES
    instants = round(description.end.after_s / description.step_s) + 1
    return max(1, min(MOST_PER_CHUNK, ACTOR_STEPS // (instants * len(description.actors))))


def worked(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    """Every task's result in their order, from this process or from several."""
    if workers == 1:
        yield from map(function, tasks)
        return
    waiting = dict(enumerate(tasks))
    tries = dict.fromkeys(waiting, 0)
    while waiting:
        with ProcessPoolExecutor(workers, mp_context=get_context("forkserver"), initializer=memory.keep) as pool:
            futures = {number: pool.submit(function, task) for number, task in waiting.items()}
            for number in list(waiting):
                result = _result(futures[number])
                if result is None:
                    break
                del waiting[number]
                yield result[0]
        for number in list(waiting)[:1]:
            tries[number] += 1
            if tries[number] >= TRIES:
                raise WorkerLostError(number, TRIES)


def _result(future: Future[Result]) -> tuple[Result] | None:
    """In a tuple, since it may be anything; None when the pool broke."""
    try:
        return (future.result(),)
    except BrokenProcessPool:
        return None
