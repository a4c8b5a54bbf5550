"""A real site under load: broker, database, registry and ingest as a user gets them, and what became of every row sent to it.

Inference is left out unless asked for. The site is held to some of the machine's cores; the load generator has the others, or
shares them where there are no others.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chelu.api import Account, Client
from chelu.local.plan import Options
from chelu.local.services import SERVICES
from chelu.local.site import Site
from chelu.topics import Kind
from chelu.units import US_PER_S
from evaluation.bench.processes import Watch, cores_of_the_machine, held, watched
from evaluation.bench.traffic import NO_FAULTS, Sent, Traffic

Floats = npt.NDArray[np.float64]

STREAM = "bsm"
EARLIER_US = 50_000  # ingest may have begun its batch a little before the first message
READ_BACK = 20  # vehicles whose rows are read for latencies
QUIET_S = 4.0  # rows that are not in the books so long after the last that came are lost
LOOK_S, POLL_S = 0.5, 1.0
WORKERS = "CHELU_INGEST_WORKERS"
ON_TIME = 0.98  # of the rows asked for, that the load generator must have sent for a rate to count
HELD, PIPE_S = 0.95, 0.1  # of the whole rows offered, that must be stored a second; how long the first is on its way at least
LATEST_MS = 1000.0  # a p99 above this, or a last row so late, is a queue that grows


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stretch of load and what became of it.

    spoilt: of those sent, meant to be refused; rate_per_s: stored rows by the time from the first message until all were
    durable; lost: neither stored nor dropped by a reason; behind_ms: from the last message until all rows were durable;
    latencies: (n, 2) seconds since the first message when one was due, ms until its row was durable; progress: seconds since the
    beginning, rows stored by then; cpu_s, rss_mb: by part.
    """

    offered_per_s: float
    seconds: float
    sent: int
    stored: int
    dropped: Mapping[str, int]
    rate_per_s: float
    behind_ms: float
    latencies: Floats
    late_ms: float  # of the load generator behind its schedule, at most
    progress: Sequence[tuple[float, int]]
    cpu_s: Mapping[str, float]
    rss_mb: Mapping[str, Sequence[float]]
    rss_at_s: Sequence[float]
    spoilt: int = 0

    @property
    def lost(self) -> int:
        return self.sent - self.stored - sum(self.dropped.values())

    @property
    def latency_ms(self) -> tuple[float, float, float]:
        """p50, p95, p99 from publish to durable; infinite when nothing was stored."""
        if not len(self.latencies):
            return (math.inf,) * 3
        p50, p95, p99 = np.percentile(self.latencies[:, 1], [50, 95, 99])
        return float(p50), float(p95), float(p99)

    @property
    def is_kept_up_with(self) -> bool:
        """Whether every whole row was stored, at the rate at which it was offered, without a queue that grows."""
        is_whole = self.sent >= ON_TIME * self.offered_per_s * self.seconds and not self.lost
        return (
            is_whole
            and self.rate_per_s >= self._least_per_s
            and sum(self.dropped.values()) <= self.spoilt
            and self.behind_ms <= LATEST_MS
            and self.latency_ms[2] <= LATEST_MS
        )

    @property
    def _least_per_s(self) -> float:
        """Rows a second that have to be stored: `rate_per_s` counts `PIPE_S` too, which weighs more the shorter the step is."""
        whole_per_s = self.offered_per_s * (1 - self.spoilt / max(self.sent, 1))
        return HELD * whole_per_s * self.seconds / (self.seconds + PIPE_S)

    def cpu_us_a_row(self) -> dict[str, float]:
        """Processor microseconds by part, for each row sent."""
        return {name: seconds / max(self.sent, 1) * 1e6 for name, seconds in self.cpu_s.items()}


@dataclass(frozen=True, slots=True)
class Road:
    """A running site, its registry's client, and the traffic that is registered there."""

    site: Site
    client: Client
    traffic: Traffic
    cores: Sequence[int]

    def pids(self) -> dict[str, int]:
        """The site's processes by name."""
        return {status.name: status.pid for status in self.site.status() if status.pid}

    def held(self) -> AbstractContextManager[None]:
        """What is started in the block stays on the site's cores."""
        return held(self.cores)

    def run(
        self,
        rate_per_s: float,
        seconds: float,
        look: Callable[[float], None] = lambda _: None,
        faults: Mapping[str, float] = NO_FAULTS,
    ) -> Step:
        """Offer a load, wait until every row is in the books or nothing more comes, and tell.

        look: called now and then while the load runs, with the seconds gone; faults: shares of its messages to spoil.
        """
        begun_us = time.time_ns() // 1000 - EARLIER_US
        progress: list[tuple[float, int]] = []  # wall clock, rows
        with watched(self.pids(), LOOK_S) as watch, self.traffic.running(rate_per_s, seconds, faults) as load:
            while load.is_running():
                time.sleep(POLL_S)
                progress.append((time.time(), self._account(begun_us).stored))
                look(progress[-1][0] - begun_us / US_PER_S)
            sent = load.sent()
            account = self._settled(begun_us, sent.rows)
        return self._step(rate_per_s, seconds, sent, account, begun_us, progress, watch)

    def _step(
        self,
        rate_per_s: float,
        seconds: float,
        sent: Sent,
        account: Account,
        begun_us: int,
        progress: list[tuple[float, int]],
        watch: Watch,
    ) -> Step:
        durable_us = max((row["committed_us"] or 0 for row in self.client.batches(from_us=begun_us)), default=0)
        first_s = sent.first_us / US_PER_S
        return Step(
            offered_per_s=rate_per_s,
            seconds=seconds,
            sent=sent.rows,
            stored=account.stored,
            dropped=dict(account.dropped),
            rate_per_s=account.stored / (max(durable_us - sent.first_us, 1) / US_PER_S),
            behind_ms=(durable_us - sent.last_us) / 1000,
            latencies=self._latencies(sent, durable_us),
            late_ms=sent.late_ms,
            progress=[(at - first_s, rows) for at, rows in progress if at > first_s],
            cpu_s={**watch.cpu_s(), "load": sent.cpu_s},
            rss_mb=watch.rss_mb(first_s),
            rss_at_s=[at - first_s for at in watch.times_s(first_s)],
            spoilt=sent.spoilt,
        )

    def _account(self, from_us: int) -> Account:
        nothing = Account(messages=0, frames=0, received=0, stored=0, dropped={})
        return self.client.accounts(from_us=from_us).get(STREAM, nothing)

    def _settled(self, from_us: int, wanted: int) -> Account:
        """The books once every row is in them, or once nothing more has come for a while."""
        best, since = -1, time.monotonic()
        while True:
            account = self._account(from_us)
            if account.received > best:
                best, since = account.received, time.monotonic()
            if account.received >= wanted or time.monotonic() - since > QUIET_S:
                return account
            time.sleep(0.1)

    def _latencies(self, sent: Sent, durable_us: int) -> Floats:
        """(n, 2) as in `Step`, of some vehicles' rows. Their event time is when they were to be published, in whole ms."""
        found = []
        for device in self._some_devices():
            for page in self.client.stream(STREAM, from_us=sent.first_us, to_us=durable_us, device=device):
                durable = page.take(page["committed_us"] > 0)
                at_s = (durable["time_us"] - sent.first_us) / US_PER_S
                found.append(np.stack([at_s, (durable["committed_us"] - durable["time_us"]) / 1e3], axis=1))
        return np.concatenate(found) if found else np.empty((0, 2))

    def _some_devices(self) -> list[str]:
        """Some of those that speak, evenly chosen."""
        speakers = [device.device_id for device in self.client.devices(kind=Kind.OBU, limit=10_000)]
        return speakers[:: max(1, len(speakers) // READ_BACK)]


@contextmanager
def road(*, cores: Sequence[int], workers: int = 1, services: Sequence[str] = ("registry", "ingest")) -> Iterator[Road]:
    """A site of its own in a temporary directory, held to these cores, with traffic registered."""
    wanted = tuple(service for service in SERVICES if service.name in services)
    options = Options(mqtt_port=0, api_port=0, database_port=0, services=wanted)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-bench-", ignore_cleanup_errors=True)))
        with held(cores), _variable(WORKERS, str(workers)):
            site = stack.enter_context(Site(directory / "site", options))
        others = [core for core in cores_of_the_machine() if core not in cores]
        client = stack.enter_context(Client(site.endpoints.api_url, site.layout.api_key.read_text().strip()))
        yield Road(site, client, Traffic(site.layout.data, directory, others or list(cores)), cores)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
