"""The load of a benchmark: `chelu load` as processes of their own, and what they say they sent.

A gateway speaks for its children, and the broker walks the rights of all of them for every message; so the vehicles are shared
among a few gateways, each a process, as they would be on a site of that size.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluation.bench.processes import held

GATEWAYS, VEHICLES = 3, 500  # vehicles of each; none may say more than 100 BSMs a second
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out. first_us, last_us: wall clock when the first and last message were due; late_ms: behind schedule, p99."""

    rows: int
    first_us: int
    last_us: int
    late_ms: float
    cpu_s: float


class Gateway:
    """One running load generator."""

    def __init__(self, process: subprocess.Popen[bytes], report: Path, log: Path) -> None:
        self._process, self._report, self._log = process, report, log

    def is_running(self) -> bool:
        return self._process.poll() is None

    def sent(self) -> Sent:
        """What it has sent, once it has ended; RuntimeError with its own words when it failed."""
        code = self._process.wait(PATIENCE_S)
        if not self._report.exists():
            raise RuntimeError(f"the load generator ended with {code}: {self._log.read_text()[-2000:]}")
        found = json.loads(self._report.read_text())
        begun_us = found["begun_us"]
        last_us = begun_us + round(found["seconds"] * 1e6)
        return Sent(found["streams"]["bsm"]["rows"], begun_us, last_us, found["lag_p99_ms"], found["cpu_s"])


@dataclass(frozen=True, slots=True)
class Load:
    """All gateways of a load."""

    gateways: Sequence[Gateway]

    def is_running(self) -> bool:
        """Whether any of them still sends."""
        return any(gateway.is_running() for gateway in self.gateways)

    def sent(self) -> Sent:
        """Everything together, with the worst gateway's lateness."""
        each = [gateway.sent() for gateway in self.gateways]
        return Sent(
            rows=sum(one.rows for one in each),
            first_us=min(one.first_us for one in each),
            last_us=max(one.last_us for one in each),
            late_ms=max(one.late_ms for one in each),
            cpu_s=sum(one.cpu_s for one in each),
        )


@dataclass(frozen=True, slots=True)
class Traffic:
    """The load at one site. data: the site's directory, with its addresses; work: for reports and logs; cores: to run on."""

    data: Path
    work: Path
    cores: Sequence[int]
    gateways: int = GATEWAYS

    @contextmanager
    def running(self, rate_per_s: float, seconds: float) -> Iterator[Load]:
        """Offer a load for so long; what still runs is ended with the block."""
        with ExitStack() as stack:
            share = rate_per_s / self.gateways
            yield Load([stack.enter_context(self._gateway(number, share, seconds)) for number in range(1, self.gateways + 1)])

    @contextmanager
    def _gateway(self, number: int, rate_per_s: float, seconds: float) -> Iterator[Gateway]:
        site = f"load-{number}"
        report, log = self.work / f"{site}.json", self.work / f"{site}.log"
        report.unlink(missing_ok=True)
        command = [str(Path(sys.executable).with_name("chelu")), "load", "--site", site, "--data", str(self.data)]
        command += ["--vehicles", str(VEHICLES), "--total", f"{rate_per_s:.3f}", "--seconds", f"{seconds:g}"]
        with log.open("ab") as output, held(self.cores):
            process = subprocess.Popen([*command, "--json", str(report)], stdout=output, stderr=output)  # noqa: S603 - ours
        try:
            yield Gateway(process, report, log)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
