"""What `chelu roads check` says of road files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from chelu.errors import CheluError, MalformedError
from chelu.roads.checks import Finding, check
from chelu.roads.opening import PATTERNS, Opened, open_roads

SHOWN = 5  # of a kind of finding


def files_in(paths: Iterable[Path], *patterns: str) -> list[Path]:
    """Files as they are given, and of directories all that fit one of the patterns, by name."""
    return [one for path in paths for one in (_within(path, patterns) if path.is_dir() else [path])]


def _within(directory: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted({found for pattern in patterns for found in directory.rglob(pattern)})


def told(paths: Sequence[Path], tell: Callable[[str], None], *, is_brief: bool = False, is_whole: bool = False) -> int:
    """Say of each file what it holds and what in it is doubtful; 0 when all can be read. is_whole: not only some of each kind."""
    files, bad = files_in(paths, *PATTERNS), 0
    for path in files:
        try:
            opened = open_roads(path.read_bytes(), str(path))
        except (CheluError, OSError) as error:
            bad += 1
            tell(f"cannot be read: {error.detail if isinstance(error, MalformedError) else error}")
            continue
        findings = check(opened.network)
        tell(f"{path}: {_sum(opened, len(findings))}")
        for line in () if is_brief else _details(opened, findings, is_whole=is_whole):
            tell(f"  {line}")
    tell(f"{len(files) - bad} of {len(files)} files can be read")
    if not files:
        tell(f"there is no road file in it: looked for are {', '.join(PATTERNS)}")
    return 1 if bad or not files else 0


def _sum(opened: Opened, findings: int) -> str:
    left = sum(one.count for one in opened.left_out)
    doubtful = len(opened.notes) + findings
    return f"{opened.figures}, {len(opened.network.lanes.id)} lanes, {left} elements left out, {doubtful} doubtful"


def _details(opened: Opened, findings: Sequence[Finding], *, is_whole: bool) -> Iterator[str]:
    yield from opened.remarks
    yield from (f"left out: {one.sentence()}" for one in opened.left_out)
    yield from (f"doubtful: {note}" for note in opened.notes)
    kinds: dict[str, list[Finding]] = {}
    for one in findings:
        kinds.setdefault(one.kind, []).append(one)
    for kind, alike in kinds.items():
        yield f"{kind}: {len(alike)}"
        shown = alike if is_whole else alike[:SHOWN]
        yield from (f"  {one.element}: {one.what}" for one in shown)
        if len(shown) < len(alike):
            yield f"  … {len(alike) - len(shown)} more (--all)"
