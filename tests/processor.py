"""Processor time of what is tested and of the database that works for it: others use the machine, so that a clock says little."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
TICKS = os.sysconf("SC_CLK_TCK")


def taken_s(pids: Iterable[int]) -> float:
    """Seconds of this process and of these so far, those that have ended left out; in hundredths."""
    files = [Path(f"/proc/{pid}/stat") for pid in pids]
    fields = [file.read_text().rpartition(")")[2].split() for file in files if file.exists()]
    return time.process_time() + sum(int(each[11]) + int(each[12]) for each in fields) / TICKS
