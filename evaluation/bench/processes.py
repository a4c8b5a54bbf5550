"""What the processes of a site cost: processor time and memory, each part with all of its children."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one part at one instant: processor seconds since it began, resident memory in MiB."""

    cpu_s: float
    rss_mb: float


def usage(pid: int) -> Usage:
    """Of a process and all of its children, those that have ended included. Nothing when it is gone."""
    cpu_s = rss = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu_s += times.user + times.system + times.children_user + times.children_system
                rss += private_bytes(process)
    return Usage(cpu_s, rss / MIB)


def private_bytes(process: psutil.Process) -> int:
    """Resident memory without what is shared with others: PostgreSQL's buffers would count once for each of its processes."""
    memory = process.memory_info()
    return int(memory.rss - memory.shared)


@dataclass(slots=True)
class Watch:
    """Usage by part over time; `series` grows in the watching thread and is read when that has ended."""

    pids: Mapping[str, int]
    series: list[tuple[float, dict[str, Usage]]] = field(default_factory=list)

    def look(self) -> None:
        """Note how it stands now."""
        self.series.append((time.time(), {name: usage(pid) for name, pid in self.pids.items()}))

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds of each part from the first look to the last."""
        first, last = self.series[0][1], self.series[-1][1]
        return {name: last[name].cpu_s - first[name].cpu_s for name in self.pids}

    def rss_mb(self, from_s: float = 0.0) -> dict[str, list[float]]:
        """Memory of each part at every look from an instant on."""
        return {name: [parts[name].rss_mb for at, parts in self.series if at >= from_s] for name in self.pids}

    def times_s(self, from_s: float = 0.0) -> list[float]:
        """When those looks were, by the wall."""
        return [at for at, _ in self.series if at >= from_s]


def cores_of_the_machine() -> list[int]:
    """Those this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def held(cores: Sequence[int]) -> Iterator[None]:
    """What this thread starts in the block, or a thread that it starts there, stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def watched(pids: Mapping[str, int], every_s: float) -> Iterator[Watch]:
    """Look at parts from now until the end of the block, every so often."""
    watch, is_over = Watch(pids), threading.Event()
    watch.look()

    def work() -> None:
        while not is_over.wait(every_s):
            watch.look()

    thread = threading.Thread(target=work, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        is_over.set()
        thread.join()
        watch.look()
