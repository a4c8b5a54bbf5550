"""JSON objects side by side as columns: one field of many at a time, held against its bounds, and a sentence for each bad one.

A number may be written as text, as some roadsides do. What is absent or null is NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import NotAllowedError, OutOfRangeError

Floats = npt.NDArray[np.float64]
_PLAIN = {int, float, type(None)}
_NONE = {type(None)}
_TEXT = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True)
class Number:
    """A field of an object: SI value = wire / divisor within low … high of the wire, `unavailable` is NaN; path: keys with dots.

    is_whole: only integers are taken (12.0 is one).
    """

    column: str
    path: str
    low: float
    high: float
    divisor: float = 1
    unavailable: float | None = None
    is_required: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """columns: (n,) by name; faults: row → what is wrong with its first bad field."""

    columns: Mapping[str, Floats]
    faults: Mapping[int, str]


def read_numbers(items: Sequence[object], specs: Iterable[Number], *, names: Sequence[str]) -> Read:
    """The fields of all objects; names: what each object is called in a sentence, such as ``participants[3]``."""
    columns: dict[str, Floats] = {}
    faults: dict[int, str] = {row: _no_object(names[row], item) for row, item in enumerate(items) if not isinstance(item, dict)}
    for spec in specs:
        columns[spec.column], found = _column(items, spec, names)
        for row, sentence in found.items():
            faults.setdefault(row, sentence)
    return Read(columns, faults)


def _column(items: Sequence[object], spec: Number, names: Sequence[str]) -> tuple[Floats, dict[int, str]]:
    keys = spec.path.split(".")
    values = _values(items, keys)
    column = floats_of(values)
    is_bad = (column < spec.low) | (column > spec.high)
    is_absent = np.isnan(column)
    if spec.is_whole:
        is_bad |= ~is_absent & (column != np.floor(column))
    suspects = is_bad | is_absent if spec.is_required or not _may_be_absent(values) else is_bad
    faults = {}
    for row in np.flatnonzero(suspects).tolist():
        if sentence := _fault(values[row], spec, f"{names[row]}.{spec.path}", is_bad=bool(is_bad[row])):
            faults[row] = sentence
    column[is_bad] = np.nan  # so that nobody computes with what is refused
    if spec.unavailable is not None:
        column[column == spec.unavailable] = np.nan
    return column / spec.divisor, faults


def _values(items: Sequence[object], keys: Sequence[str]) -> list[Any]:
    """`value_at` of all, without a call for each where nothing is unusual."""
    if len(keys) == 1 and set(map(type, items)) == {dict}:
        key = keys[0]
        return [item.get(key) for item in items]  # type: ignore[attr-defined]  # all are dictionaries
    return [value_at(item, keys) for item in items]


def _may_be_absent(values: Sequence[Any]) -> bool:
    """Whether all that is no number is absent, so that nobody has to look at each."""
    return set(map(type, values)) <= _PLAIN


def value_at(item: object, keys: Sequence[str]) -> Any:
    """What stands at the end of the keys: None when one is missing, the `_Misplaced` value where an object should stand."""
    for key in keys:
        if not isinstance(item, dict):
            return None if item is None else _Misplaced(item)
        item = item.get(key)
    return item


@dataclass(frozen=True, slots=True)
class _Misplaced:
    """Something else where an object should be."""

    value: object


def floats_of(values: Sequence[Any]) -> Floats:
    """(n,) numbers, NaN for null and for what is no number; an integer that no float holds is infinite."""
    kinds = set(map(type, values))
    if kinds == _NONE:
        return np.full(len(values), np.nan)
    if kinds <= _PLAIN:
        try:
            return np.array(values, np.float64)  # None becomes NaN
        except OverflowError:
            pass
    return np.array([_float(value) for value in values], np.float64)


def _float(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, str):
        return float(value) if _TEXT.fullmatch(value) else math.nan
    if not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return _endless(value)


def _fault(value: Any, spec: Number, where: str, *, is_bad: bool) -> str:
    if isinstance(value, _Misplaced):
        return _no_object(where.rpartition(".")[0], value.value)
    if is_bad:
        if spec.is_whole and isinstance(value, float) and spec.low <= value <= spec.high:
            return str(NotAllowedError(where, value, "a whole number"))
        return str(OutOfRangeError(where, _shown(value), _whole(spec.low), _whole(spec.high)))
    if value is None:
        return f"{where} is missing" if spec.is_required else ""
    return str(NotAllowedError(where, value, "a number"))


def _no_object(where: str, value: object) -> str:
    return str(NotAllowedError(where, value, "an object"))


def _shown(value: Any) -> Any:
    """An integer of thousands of digits is not written out."""
    return value if isinstance(value, str | float) or abs(value) < 10**20 else _endless(value)


def _endless(value: float) -> float:
    return math.inf if value > 0 else -math.inf


def _whole(bound: float) -> float:
    return int(bound) if bound == int(bound) else bound
