"""Further recordings of the district, made with SUMO from other seeds and kept, so that a second run finds them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chelu.errors import CannotStartError

TRACE = "district_trace.npz"
_MOST_S = 900


def shipped() -> Path:
    """The recording in the repository."""
    return Path(__file__).parents[2] / "simulators" / "data" / TRACE


def of_seed(seed: int, directory: Path) -> Path | None:
    """The recording of this seed below `directory`, made when it is not there; None for a seed that does not pass its checks."""
    home = directory / f"seed_{seed}"
    if (home / TRACE).exists():
        return home / TRACE
    if (home / "unusable").exists():
        return None
    home.mkdir(parents=True, exist_ok=True)
    for step in (["build", "--seed", str(seed)], ["record"]):
        command = [sys.executable, "-m", f"simulators.district.{step[0]}", *step[1:], "--directory", str(home)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MOST_S, check=False)  # noqa: S603
        if "No module named" in done.stderr:
            raise CannotStartError("further recordings need SUMO", "install the extra sumo")
        if done.returncode:
            (home / "unusable").write_text(done.stderr, encoding="utf-8")
            return None
    return home / TRACE
