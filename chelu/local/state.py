"""What a running site says of itself in ``state.json``, for `chelu status` and for the next `up` after a crash."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from chelu.local import files
from chelu.local.supervisor import State, Status

GONE_WITHIN_S = 20.0  # a database ends its sessions and writes what it holds


def write(path: Path, parts: Iterable[Status], *, is_ready: bool) -> None:
    """Replace the file. Beside each process id stands when the process was made, since ids are used again."""
    rows = [{**asdict(part), "created": _created(part.pid)} for part in parts]
    files.write_json(path, {"supervisor": os.getpid(), "is_ready": is_ready, "parts": rows})


def read(path: Path) -> tuple[Status, ...]:
    """The parts of the last state written; empty when there is none."""
    return tuple(_status(row) for row in files.read_json(path).get("parts", []))


def is_ready(path: Path, supervisor: int) -> bool:
    """Whether this supervisor has said that its site is up."""
    value = files.read_json(path)
    return bool(value.get("is_ready")) and value.get("supervisor") == supervisor


def end_leftovers(path: Path) -> tuple[str, ...]:
    """End what a supervisor that was killed left running; returns the parts' names. The kernel has signalled them already."""
    left = [(row["name"], found) for row in files.read_json(path).get("parts", []) if (found := _same_process(row))]
    _, alive = psutil.wait_procs([found for _, found in left], timeout=GONE_WITHIN_S if left else 0)
    for found in alive:
        with contextlib.suppress(psutil.NoSuchProcess):  # SIGQUIT: PostgreSQL's immediate shutdown, an end for the others
            found.send_signal(signal.SIGQUIT)
    _, alive = psutil.wait_procs(alive, timeout=5)
    for found in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.kill()
    return tuple(name for name, _ in left)


def _created(pid: int | None) -> float | None:
    if pid is None:
        return None
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _same_process(row: dict[str, Any]) -> psutil.Process | None:
    pid, created = row.get("pid"), row.get("created")
    if pid is None or created is None or _created(pid) != created:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def _status(row: dict[str, Any]) -> Status:
    names = ("name", "pid", "since_us", "restarts", "address", "detail")
    return Status(state=State(row["state"]), **{name: row[name] for name in names})
