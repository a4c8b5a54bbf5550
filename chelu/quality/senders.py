"""What each sender said last, kept as columns, so that a batch can be compared with the one before without a loop per row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]

# Odd constants of splitmix64 (Steele, Lea, Flood 2014): they spread neighbouring ids over all 64 bits.
_MIX_1, _MIX_2, _STEP = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)


def sender_keys(*parts: Column) -> Keys:
    """One 64-bit key (n,) per row from integer columns (n,) that together name a sender.

    Keys are hashes: two of 100,000 senders share one with a probability of 3e-10, at the price of one doubtful flag.
    """
    key = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        key = _mix(key + _STEP + part.astype(np.int64 if part.dtype.kind == "i" else np.uint64).view(np.uint64))
    return key


@dataclass(frozen=True, slots=True)
class Last:
    """The last row of every sender: keys (m,) sorted, columns (m,) each, seen_us (m,) when that row arrived."""

    keys: Keys
    columns: Mapping[str, Column]
    seen_us: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Previous:
    """Beside each row (n,) what its sender said before it; where `known` is false the columns mean nothing."""

    known: npt.NDArray[np.bool_]
    columns: Mapping[str, Column]


def nobody(columns: Mapping[str, str]) -> Last:
    """The state before the first row; `columns` maps names to numpy type strings."""
    kept = {name: np.empty(0, dtype) for name, dtype in columns.items()}
    return Last(np.empty(0, np.uint64), kept, np.empty(0, np.int64))


def follow(
    last: Last, keys: Keys, columns: Mapping[str, Column], arrival_us: npt.NDArray[np.int64], *, keep_us: int
) -> tuple[Previous, Last]:
    """Put each row (n,) beside its sender's previous one, in the batch or before it, and return the new state.

    Rows are in the order in which they came. A sender not heard for `keep_us` before the newest arrival is forgotten, which
    bounds the state.
    """
    every = np.concatenate([last.keys, keys])
    order = np.argsort(every, kind="stable")
    ordered = every[order]
    follows = np.concatenate([np.zeros(min(1, len(ordered)), np.bool_), ordered[1:] == ordered[:-1]])
    before = np.full(len(every), -1, np.int64)
    before[order[follows]] = order[:-1][follows[1:]]
    mine = before[len(last.keys) :]
    merged = {name: np.concatenate([last.columns[name], columns[name]]) for name in last.columns}
    previous = Previous(
        mine >= 0, {name: column[np.maximum(mine, 0)] for name, column in merged.items()} if len(keys) else columns
    )
    is_last = np.concatenate([~follows[1:], np.ones(min(1, len(ordered)), np.bool_)])
    return previous, _newest(every, merged, np.concatenate([last.seen_us, arrival_us]), order[is_last], keep_us)


def _newest(
    keys: Keys, columns: Mapping[str, Column], seen_us: npt.NDArray[np.int64], rows: npt.NDArray[np.intp], keep_us: int
) -> Last:
    recent = rows[seen_us[rows] >= seen_us.max(initial=0) - keep_us]
    return Last(keys[recent], {name: column[recent] for name, column in columns.items()}, seen_us[recent])


def _mix(key: Keys) -> Keys:
    key = (key ^ (key >> np.uint64(30))) * _MIX_1
    key = (key ^ (key >> np.uint64(27))) * _MIX_2
    return key ^ (key >> np.uint64(31))
