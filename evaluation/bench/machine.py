"""The machine that a benchmark ran on, as far as it explains the figures."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from chelu import native
from chelu.errors import CheluError
from chelu.local import postgres
from chelu.local.broker import find_mosquitto


def describe() -> dict[str, Any]:
    """Cores, processor, memory, and the versions of what the hot path rests on."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "is_native": native.library() is not None,
        "mosquitto": _mosquitto(),
        "postgresql": _version([str(postgres.binaries() / "postgres"), "--version"]),
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as the kernel has it."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.machine()


def sentence(machine: dict[str, Any]) -> str:
    """The same on one line."""
    code = "native" if machine["is_native"] else "numpy only"
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB; Python {machine['python']}, numpy "
        f"{machine['numpy']} ({code}); mosquitto {machine['mosquitto']}, PostgreSQL {machine['postgresql']}"
    )


def _mosquitto() -> str:
    try:
        found = find_mosquitto()
    except CheluError:
        return "none"
    return _version([str(found.executable), "-h"], found.environment)


def _version(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """The first number with a dot in what a command says."""
    said = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+(?:\.\d+)+", said.stdout)
    return found[0] if found else "unknown"
