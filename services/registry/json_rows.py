"""Columns into JSON lines: each column is written as texts at once, then each row is its texts in a line's frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from chelu.messages import Batch

NULL = "null"
NOT_FINITE = {"nan": NULL, "inf": '"Infinity"', "-inf": '"-Infinity"'}


def json_lines(batch: Batch, devices: Mapping[int, str]) -> Iterator[str]:
    """One JSON object a row: null for what is not there, 8-byte ids in hexadecimal, ``"Infinity"`` where it is."""
    keys = batch["device_key"].tolist()
    ids = {key: json.dumps(devices.get(key)) for key in set(keys)}
    names = tuple(name for name in batch if not name.endswith("_valid"))
    frame = _frame(("device_id", *names))
    for row in zip(map(ids.__getitem__, keys), *(_texts(batch, name) for name in names), strict=True):
        yield frame % row


@cache
def _frame(names: tuple[str, ...]) -> str:
    """A line with a place for the text of each field."""
    fields = ", ".join(f'"{name}": %s' for name in names)
    return f"{{{fields}}}\n"


def _texts(batch: Batch, name: str) -> Sequence[str]:
    """A column's values as JSON."""
    column, valid = batch[name], batch.columns.get(name + "_valid")
    if valid is not None and not valid.any():
        return [NULL] * len(column)
    if column.dtype.kind == "f":
        texts = list(map(float.__repr__, column.tolist()))
        for row in np.flatnonzero(~np.isfinite(column)).tolist():
            texts[row] = NOT_FINITE[texts[row]]
        return texts
    texts = list(map(_writer(column.dtype), column.tolist()))
    for row in np.flatnonzero(~valid).tolist() if valid is not None else ():
        texts[row] = NULL
    return texts


def _writer(dtype: np.dtype[Any]) -> Callable[[Any], str]:
    """How a value of a column of integers or truths is written."""
    if dtype == np.uint64:
        return '"{:016x}"'.format
    return json.dumps if dtype == np.bool_ else int.__repr__
