"""Drives in SUMO, each in a process of its own (libsumo shares none with pyarrow), whose directory is kept and found again."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from chelu.errors import CannotStartError, CheluError

MOST_S = 4 * 3600.0  # an hour of the district takes minutes, and hours on a machine that others use


def kept(module: str, home: Path, last: str, *options: str, remedy: str, most_s: float = MOST_S) -> Path:
    """`home`, by `module` unless its last file is there; raises CannotStartError with the remedy when the module fails."""
    if (home / last).exists():
        return home
    command = [sys.executable, "-m", module, "--directory", str(home), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=most_s, check=False)  # noqa: S603 (our own module)
    except subprocess.TimeoutExpired:
        raise CannotStartError(
            f"the drive took longer than {most_s:g} s", "drive less, or on a machine that is less busy"
        ) from None
    if done.returncode:
        raise CannotStartError(f"the drive failed ({done.stderr.strip()[-300:]})", remedy)
    return home


def parser(module: str, page: str | None) -> argparse.ArgumentParser:
    """Of what every drive is told: its seed, how long, and where to write."""
    found = argparse.ArgumentParser(prog=f"python -m {module}", description=(page or "").split("\n", 1)[0])
    found.add_argument("--seed", type=int, required=True)
    found.add_argument("--seconds", type=int, required=True)
    found.add_argument("--directory", type=Path, required=True)
    return found


def run(part: str, drive: Callable[[], None]) -> None:
    """Drive; an expected failure ends the process with its sentence."""
    try:
        drive()
    except CheluError as error:
        sys.exit(f"{part}: {error}")
