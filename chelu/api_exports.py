"""Exports of stored rows through the registry's API: asked for once, fetched into files, taken up again where they stopped."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chelu.api import Client, Row
from chelu.errors import ConfigurationError, UnreachableError

NOTE = "export.json"  # which export a directory holds, and what was asked for
PARTIAL = ".part"
AWAY_S = 120.0  # without a byte: a registry that has died is back within half a minute, on a busy machine within one
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a registry that has gone away is waited for, and how time passes meanwhile."""

    away_s: float = AWAY_S
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


USUAL = Patience()


def begin(client: Client, directory: Path, wanted: Mapping[str, Any]) -> Row:
    """The export of a directory: the one whose files it holds, else a new one.

    ConfigurationError when it holds another one's, or is none.
    """
    note = directory / NOTE
    if note.exists():
        known = _noted(note)
        if known["wanted"] != dict(wanted):
            raise ConfigurationError("DIRECTORY", str(directory), f"another one: it has the files of export {known['export_id']}")
        found: Row = client.people("GET", "exports", str(known["export_id"]))
        return found
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigurationError("DIRECTORY", str(directory), "a directory, or a name that nothing has") from None
    export: Row = client.people("POST", "exports", json=dict(wanted))
    temporary = note.with_suffix(".new")
    temporary.write_text(json.dumps({"export_id": export["export_id"], "wanted": dict(wanted)}, indent=2), encoding="utf-8")
    temporary.replace(note)
    return export


def _noted(note: Path) -> Row:
    """Which export a directory holds; ConfigurationError where its note is somebody else's."""
    try:
        known: Row = json.loads(note.read_text(encoding="utf-8"))
        return {"export_id": int(known["export_id"]), "wanted": known["wanted"]}
    except (ValueError, KeyError, TypeError):
        allowed = f"one whose {note.name} an export has written: name another directory, or take that file away"
        raise ConfigurationError("DIRECTORY", str(note.parent), allowed) from None


def fetch(client: Client, export: Mapping[str, Any], directory: Path, tell: Tell, patience: Patience = USUAL) -> list[Path]:
    """The files of an export, those that are there already left alone; `tell` hears of each piece's stream and bytes.

    What is half there goes on; a registry that goes away is waited for, and UnreachableError leaves the rest for another time.
    """
    return [_file(client, export, stream, directory, tell, patience) for stream in _streams(export)]


def _streams(export: Mapping[str, Any]) -> Sequence[str]:
    found: Sequence[str] = export["selection"]["streams"]
    return found


def _file(client: Client, export: Mapping[str, Any], stream: str, directory: Path, tell: Tell, patience: Patience) -> Path:
    target = directory / f"{stream}.{export['format']}"
    if target.exists():
        return target
    partial, path = target.with_name(target.name + PARTIAL), f"/api/exports/{export['export_id']}/content/{stream}"
    since_s, pause_s = float("inf"), FIRST_PAUSE_S  # since when it has been away
    while True:
        before = _size(partial)
        try:
            _go_on(client, path, partial, before, lambda size: tell(stream, size))
        except UnreachableError:
            now_s = patience.clock()
            if _size(partial) > before:
                since_s, pause_s = now_s, FIRST_PAUSE_S
            since_s = min(since_s, now_s)
            if now_s - since_s >= patience.away_s:
                raise
            patience.pause(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        except OSError as error:
            allowed = f"one with room ({error.strerror}); the same command goes on where it stopped"
            raise ConfigurationError("DIRECTORY", str(directory), allowed) from None
        else:
            partial.replace(target)
            return target


def _size(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0


def _go_on(client: Client, path: str, partial: Path, offset: int, tell: Callable[[int], None]) -> None:
    with partial.open("ab") as file:
        for piece in client.pieces(path, offset=offset):
            tell(file.write(piece))
        os.fsync(file.fileno())
