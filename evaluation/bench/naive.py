"""The naive pipeline (paho callback → asn1tools → executemany) against Chelu: rows a second that each can store of the same load.

Each has a broker and a database of its own, alike, and they work in turns, round by round, on the same cores. Chelu is offered
the highest rate that it was seen to keep up with. The naive side is offered a little more than it stored in a trial, and what
it stores then counts, although it loses the rest: it could not sustain more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from evaluation.bench.context import Context
from evaluation.bench.ladder import CORES, find_top
from evaluation.bench.processes import cores_of_the_machine
from evaluation.bench.report import Figure, Ratio
from evaluation.bench.results import Findings
from evaluation.bench.road import Road, road

ACCOUNT = "ingest"  # in whose place it hears what devices say
TRIAL_PER_S = 2_000.0
MORE = 1.25  # offered to the naive side over what it stored
READY_S = 20.0


@dataclass(slots=True)
class Naive:
    """The naive pipeline's process; `notes` are (wall µs, rows stored so far), appended by a reading thread."""

    process: subprocess.Popen[str]
    notes: list[tuple[int, int]] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Until it ends; on a thread of its own."""
        for line in self.process.stdout or ():
            if line == "ready\n":
                self.ready.set()
            else:
                wall_us, stored = line.split()
                self.notes.append((int(wall_us), int(stored)))

    def rate_per_s(self, from_us: int, seconds: float) -> float:
        """Rows a second stored in a stretch of time."""
        to_us = from_us + seconds * 1e6
        before = max((stored for at, stored in self.notes if at < from_us), default=0)
        return (max((stored for at, stored in self.notes if at <= to_us), default=before) - before) / seconds


def run(context: Context) -> Findings:
    """`naive_ratio`, and both rates."""
    seconds, rounds = (3.0, 1) if context.is_quick else (8.0, 5)
    top, workers = find_top(context)
    cores = cores_of_the_machine()[:CORES]
    ours: list[float] = []
    theirs: list[float] = []
    with (
        road(cores=cores, workers=workers) as chelu,
        road(cores=cores) as plain,
        _pipeline(plain) as naive,
    ):
        context.tell("what the naive pipeline can do")
        offered = MORE * max(_stored_per_s(plain, naive, TRIAL_PER_S * factor, seconds / 2) for factor in (1, 4))
        for number in range(1, rounds + 1):
            context.tell(f"round {number} of {rounds}")
            ours.append(chelu.run(top, seconds).rate_per_s)
            theirs.append(_stored_per_s(plain, naive, offered, seconds))
    ratio = Ratio("published → stored", tuple(ours), "paho + asn1tools + executemany", tuple(theirs), "rows", None, "naive_ratio")
    figure = ratio.figure()
    return Findings([figure, Figure(what="naive pipeline", values=tuple(theirs), unit="rows/s")])


def _stored_per_s(site: Road, naive: Naive, rate_per_s: float, seconds: float) -> float:
    """Rows a second that the naive pipeline stores of a load, while the load lasts."""
    with site.traffic.running(rate_per_s, seconds) as load:
        while load.is_running():
            time.sleep(0.1)
        return naive.rate_per_s(load.sent().first_us, seconds)


@contextmanager
def _pipeline(site: Road) -> Iterator[Naive]:
    site.site.supervisor.stop(ACCOUNT)
    endpoints = site.site.endpoints
    secret = json.loads(site.site.layout.accounts.read_text())[ACCOUNT]
    url = f"mqtt://{ACCOUNT}:{quote(secret, safe='')}@{endpoints.mqtt_host}:{endpoints.mqtt_port}"
    environment = {**os.environ, "CHELU_MQTT_URL": url, "CHELU_DATABASE_URL": endpoints.database_url}
    command = [sys.executable, "-m", "evaluation.bench.naive_pipeline"]
    with site.held(), subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        naive = Naive(process)
        reader = threading.Thread(target=naive.read, name="naive")
        reader.start()
        try:
            if not naive.ready.wait(READY_S):
                raise RuntimeError("the naive pipeline did not begin")
            yield naive
        finally:
            process.kill()
            reader.join()
