"""What is committed speaks of Chelu alone: no path of the machine it was made on, no host of a package registry."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE = re.compile(rb"/home/(?!chelu)[a-z]|/root/[.a-z]|/Users/[a-z]|/work/main")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)[^)]*\)")
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


def test_decisions_are_numbered_once_each() -> None:
    numbers = [file.name[:3] for file in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == [f"{number:03d}" for number in range(1, len(numbers) + 1)]


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in sorted((ROOT / "docs").glob("*.md")) if f"(docs/{file.name})" not in readme] == []


def test_links_between_documents_lead_somewhere() -> None:
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    links = [(file, link) for file in files for link in LINK.findall(file.read_text(encoding="utf-8"))]
    assert len(links) > 50
    broken = [f"{file.relative_to(ROOT)}: {link}" for file, link in links if link and not (file.parent / link).exists()]
    assert broken == []
