"""The load of a benchmark: `chelu load` as a process of its own, and what it says it sent.

The broker walks the rights of all of a gateway's children for every message (docs/load.md), so a gateway speaks for few.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluation.bench.processes import held

VEHICLES, GATEWAYS = 1500, 60  # a vehicle may say at most 100 BSMs a second
SITE = "load"
PATIENCE_S = 120.0
NO_FAULTS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out. first_us, last_us: wall clock when the first and last message were due; late_ms: behind schedule, p99.

    spoilt: rows that the way made unreadable, or at least tried to.
    """

    rows: int
    first_us: int
    last_us: int
    late_ms: float
    cpu_s: float
    spoilt: int


class Load:
    """A running load generator."""

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
        spoilt = sum(found["faults"].values())
        return Sent(found["streams"]["bsm"]["rows"], begun_us, last_us, found["lag_p99_ms"], found["cpu_s"], spoilt)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The load at one site. data: the site's directory, with its addresses; work: for reports and logs; cores: to run on."""

    data: Path
    work: Path
    cores: Sequence[int]

    @contextmanager
    def running(self, rate_per_s: float, seconds: float, faults: Mapping[str, float] = NO_FAULTS) -> Iterator[Load]:
        """Offer a load for so long, with such shares of its messages spoilt; what still runs is ended with the block."""
        report, log = self.work / f"{SITE}.json", self.work / f"{SITE}.log"
        report.unlink(missing_ok=True)
        command = [str(Path(sys.executable).with_name("chelu")), "load", "--site", SITE, "--data", str(self.data)]
        command += ["--vehicles", str(VEHICLES), "--gateways", str(GATEWAYS), "--total", f"{rate_per_s:.3f}"]
        command += ["--seconds", f"{seconds:g}", "--json", str(report)]
        command += [word for name, share in faults.items() for word in ("--fault", f"{name}={share:g}")]
        with log.open("ab") as output, held(self.cores):
            process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - ours
        try:
            yield Load(process, report, log)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
