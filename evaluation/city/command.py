"""`chelu evaluate city`: every judge of the city brain in a process of its own, one document of all, and its plots."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local.targets import check_writable
from evaluation.city.parts import PARTS, SHORT, NoDataError, Place, signals_title

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options; parts: none for those of the form. keep: where judges' own documents are kept for --resume."""

    json: Path
    plots: Path
    keep: Path
    data: Path | None
    seed: int
    parts: Sequence[str]
    is_quick: bool
    is_resumed: bool


def run(request: Request, console: Console) -> int:
    """Judge part after part; 0, 1 when one failed, 130 when interrupted, with what was done written in each case."""
    check_writable({"--json": request.json})
    names = request.parts or (SHORT if request.is_quick else tuple(PARTS))
    if strange := [name for name in names if name not in PARTS]:
        raise ConfigurationError("--parts", ",".join(strange), ", ".join(PARTS))
    for directory in (request.plots, request.keep):
        directory.mkdir(parents=True, exist_ok=True)
    done: dict[str, dict[str, Any]] = {}
    try:
        for name in names:
            done[name] = _part(name, request, console)
            _write(request, done)
    except KeyboardInterrupt:
        console.print(f"[yellow]interrupted: {len(done)} of {len(names)} parts are done; --resume goes on")
        return INTERRUPTED
    console.print(table(done))
    return int(any("failed" in one for one in done.values()))


def _part(name: str, request: Request, console: Console) -> dict[str, Any]:
    """A judge's document with how long it took; or why there is none."""
    file = request.keep / f"{name}.{request.seed}.{'quick' if request.is_quick else 'full'}.json"
    if request.is_resumed and file.is_file():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    work = request.keep / name
    work.mkdir(exist_ok=True)
    own = work / "figures.json"
    own.unlink(missing_ok=True)
    try:
        arguments = PARTS[name](Place(work, request.plots, request.data, request.seed, request.is_quick))
    except NoDataError as error:
        return {"skipped": str(error)}
    command = [str(Path(sys.executable).with_name("chelu")), *arguments, "--json", str(own)]
    console.print(f"[bold]{name}[/bold]: chelu {' '.join(command[1:])}", soft_wrap=True)
    began = time.monotonic()
    code = subprocess.run(command, check=False).returncode  # noqa: S603 - ours
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    found: dict[str, Any] = {"seconds": round(time.monotonic() - began, 1), "exit_code": code}
    if not own.is_file():
        return found | {"failed": f"it ended with {code} and wrote nothing"}
    found["figures"] = json.loads(own.read_text(encoding="utf-8"))
    if name == "signals":
        from evaluation.city.plots import controllers

        title = signals_title(is_quick=request.is_quick)
        console.print(f"drawn: {controllers(found['figures'], request.plots, title)}", soft_wrap=True)
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def _write(request: Request, done: Mapping[str, Any]) -> None:
    document = {"seed": request.seed, "form": "quick" if request.is_quick else "full", "parts": done}
    request.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table(done: Mapping[str, Mapping[str, Any]]) -> Table:
    """What became of each part; a judge that holds itself against a bar says 1 when it misses it."""
    shown = Table("part", "seconds", "what became of it", title="the city brain, judged")
    for name, one in done.items():
        told = one.get("skipped") or one.get("failed") or ("done" if one["exit_code"] == 0 else "done, a bar is missed")
        shown.add_row(name, str(one.get("seconds", "")), told)
    return shown
