"""One JSON object on disk that is always whole: what an agent has to know again after a power cut."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chelu.errors import CheluError
from chelu.spool.files import sync_directory


class NotKeptError(CheluError):
    """A state that the disk did not take; what was kept before still is."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file.name} cannot be written ({reason})")


def read(file: Path) -> dict[str, Any]:
    """What is kept; empty when nothing is, or nothing that can be read."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write(file: Path, document: Mapping[str, Any]) -> None:
    """Keep this in the place of what was kept; NotKeptError when the disk does not take it."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as opened:
            json.dump(document, opened, ensure_ascii=False)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(file)
        sync_directory(file.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise NotKeptError(file, error.strerror or str(error)) from None


def forget(file: Path) -> None:
    """Keep nothing any more."""
    with contextlib.suppress(OSError):
        file.unlink()
