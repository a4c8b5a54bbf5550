"""Tasks on Ray: on the cluster that RAY_ADDRESS names, else on one of this machine that lasts as long as the sweep."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TypeVar

import ray

from simulators.scenario.chunks import TRIES, WorkerLostError
from simulators.scenario.engines import Task

T = TypeVar("T", bound=Task)


def made_on_ray(tasks: Sequence[T], workers: int) -> Iterator[tuple[T, bytes]]:
    """Every task with what came of it, as they are done. Ray gives the task of a killed worker to another; WorkerLostError."""
    is_own = "RAY_ADDRESS" not in os.environ
    ray.init(num_cpus=workers if is_own else None, include_dashboard=False if is_own else None, log_to_driver=False)
    try:
        made = ray.remote(max_retries=TRIES - 1)(_made)
        waiting = {made.remote(task): number for number, task in enumerate(tasks)}
        while waiting:
            (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
            number = waiting.pop(ready)
            try:
                data: bytes = ray.get(ready)
            except ray.exceptions.WorkerCrashedError as error:
                raise WorkerLostError(number, TRIES) from error
            yield tasks[number], data
    finally:
        ray.shutdown()


def _made(task: Task) -> bytes:
    return task.made()
