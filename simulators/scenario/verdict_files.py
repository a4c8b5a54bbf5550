"""Verdicts as files of columns, and several one after the other."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from chelu.local.files import writing
from chelu.messages import Batch
from simulators.scenario.verdict import Judged, Verdicts

COLUMNS = ("outcome", "value", "limit", "margin", "at_s", "reason")
PARTS = ("requirements", "validity")
WARNINGS = "warnings."


def packed(verdicts: Verdicts, warnings: Batch | None = None) -> bytes:
    """As a file of columns, with what a device said in these runs; the same are the same bytes."""
    arrays: dict[str, Any] = {"runs": np.array(verdicts.runs)}
    for part in PARTS:
        for index, one in enumerate(getattr(verdicts, part)):
            texts = {field.name: getattr(one, field.name) for field in fields(one) if field.name not in COLUMNS}
            arrays[f"{part}.{index}.texts"] = np.array(json.dumps(texts))
            for name in COLUMNS:
                column = getattr(one, name)
                arrays[f"{part}.{index}.{name}"] = column.astype(np.str_) if column.dtype == np.object_ else column
    arrays |= {WARNINGS + name: column for name, column in (warnings.columns.items() if warnings is not None else ())}
    out = BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def put(data: bytes, file: Path) -> None:
    """Whole or not at all. CannotStartError."""
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    try:
        with writing(file), unfinished.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def read(file: Path) -> Verdicts:
    """What `packed` packed."""
    with np.load(file) as arrays:
        parts = [tuple(_judged(arrays, part)) for part in PARTS]
        return Verdicts(parts[0], parts[1], int(arrays["runs"]))


def warnings_in(file: Path) -> Batch | None:
    """What a device said in the runs that were packed; None where there was none."""
    with np.load(file) as arrays:
        found = {name.removeprefix(WARNINGS): arrays[name] for name in arrays.files if name.startswith(WARNINGS)}
    return Batch(found) if found else None


def _judged(arrays: Any, part: str) -> list[Judged]:
    found: list[Judged] = []
    while (head := f"{part}.{len(found)}.") + "texts" in arrays:
        columns = {name: arrays[head + name] for name in COLUMNS}
        columns["reason"] = columns["reason"].astype(np.object_)
        texts = json.loads(str(arrays[head + "texts"]))
        found.append(Judged(**{**texts, "actors": tuple(texts["actors"])}, **columns))
    return found


def joined(each: Sequence[Verdicts]) -> Verdicts:
    """The runs of all, one after the other; all have the same requirements."""
    parts = [
        tuple(_one_after_another(same) for same in zip(*(getattr(verdicts, part) for verdicts in each), strict=True))
        for part in PARTS
    ]
    return Verdicts(parts[0], parts[1], sum(verdicts.runs for verdicts in each))


def _one_after_another(same: Sequence[Judged]) -> Judged:
    first = same[0]
    texts: dict[str, Any] = {field.name: getattr(first, field.name) for field in fields(first) if field.name not in COLUMNS}
    columns: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in same]) for name in COLUMNS}
    return Judged(**texts, **columns)
