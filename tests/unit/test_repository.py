"""What is committed speaks of Chelu alone: no path of the machine it was made on, no host of a package registry."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE = re.compile(rb"/home/(?!chelu)[a-z]|/root/[.a-z]|/Users/[a-z]|/work/main")
REGISTRY = re.compile(rb"--(?:extra-)?index-url|--find-links|files\.python\S*hosted|registry\.npm")


def committed() -> list[Path]:
    """The files git tracks, this one left out; skipped outside a checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    files = [ROOT / name for name in names if name]
    return [file for file in files if file.is_file() and file != Path(__file__)]


def test_no_path_of_a_machine_and_no_package_registry_is_committed() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match.group().decode()}"
        for file in committed()
        for pattern in (MACHINE, REGISTRY)
        if (match := pattern.search(file.read_bytes()))
    ]
    assert found == []


def test_sources_stay_below_the_wall_of_four_hundred_lines() -> None:
    sources = [file for file in committed() if file.suffix == ".py" and "tests" not in file.parts]
    assert [str(file.relative_to(ROOT)) for file in sources if len(file.read_text().splitlines()) > 400] == []
