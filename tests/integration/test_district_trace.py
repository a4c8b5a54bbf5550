"""The shipped trace is what the script records from the shipped network and demand: same seed, same bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "simulators" / "data"


@pytest.mark.slow
def test_recording_the_district_again_gives_the_same_bytes(tmp_path: Path) -> None:
    if find_spec("libsumo") is None:
        pytest.skip("libsumo is not installed (extra sumo)")
    for file in DATA.iterdir():
        if file.name != "district_trace.npz":
            shutil.copy(file, tmp_path)
    command = [sys.executable, "-m", "simulators.district.record", "--directory", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert members(tmp_path / "district_trace.npz") == members(DATA / "district_trace.npz")


def members(file: Path) -> dict[str, bytes]:
    """An archive's members as bytes; the archive's own headers differ between versions of Python."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
