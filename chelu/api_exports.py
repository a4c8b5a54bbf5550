"""Exports of stored rows through the registry's API: asked for once, fetched into files, taken up again where they stopped."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chelu.api import Client, Row
from chelu.errors import ConfigurationError, UnreachableError

NOTE = "export.json"  # which export a directory holds, and what was asked for
PARTIAL = ".part"
TRIES, PAUSE_S = 5, 1.0  # in a row without a byte
Tell = Callable[[str, int], None]


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


def fetch(client: Client, export: Mapping[str, Any], directory: Path, tell: Tell) -> list[Path]:
    """The files of an export, those that are there already left alone; `tell` hears of each piece's stream and bytes.

    What is half there goes on; when the registry goes away it is asked again a few times, and UnreachableError leaves the rest
    for another time.
    """
    return [_file(client, export, stream, directory, tell) for stream in _streams(export)]


def _streams(export: Mapping[str, Any]) -> Sequence[str]:
    found: Sequence[str] = export["selection"]["streams"]
    return found


def _file(client: Client, export: Mapping[str, Any], stream: str, directory: Path, tell: Tell) -> Path:
    target = directory / f"{stream}.{export['format']}"
    if target.exists():
        return target
    partial, tries = target.with_name(target.name + PARTIAL), 0
    while True:
        before = _size(partial)
        try:
            _go_on(
                client, f"/api/exports/{export['export_id']}/content/{stream}", partial, before, lambda size: tell(stream, size)
            )
        except UnreachableError:
            tries = tries + 1 if _size(partial) == before else 0
            if tries == TRIES:
                raise
            time.sleep(PAUSE_S)
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
