"""Items of many reports at once, as the numbers on the wire: bytes → columns and back, exactly.

Reading walks all frames side by side: one step reads the code of each frame's next item and measures it, so that Python's work
grows with the kinds of items, not with frames. Then each kind is gathered in one go for all frames. Writing is the inverse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.gbt32960_spec import SIGNATURE, Counted, Fixed, Layout, layout_of

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Key = tuple[int, int]  # edition, code
PADDING = 64  # bytes behind the data: numbers may be read where only their bounds say that they are not there
MOST_ITEMS = 64  # in one report; the editions have at most 13 kinds


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of one length each: count (n,) as sent, size (n,) elements; elements: the columns of all of them, list after list."""

    count: Ints
    size: Ints
    elements: Columns


def records(column: npt.NDArray[Any] | Ragged) -> npt.NDArray[Any]:
    """A part that is fixed fields, as a structured array; TypeError when it is a list."""
    if isinstance(column, Ragged):
        raise TypeError("the part is a list")
    return column


# The parts of a layout for n items: a structured array (n,) for `Fixed`, lists for `Counted`.
Columns = tuple[npt.NDArray[Any] | Ragged, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """All items of one kind: frame (m,) ascending, place (m,) of the item in its frame, and their columns."""

    frame: Ints
    place: Ints
    columns: Columns


@dataclass(frozen=True, slots=True)
class Fault:
    """Why frames could not be read: frame (k,), and for each a reason of `DropReason` with a sentence."""

    frame: int
    reason: str
    detail: str


def read(data: Bytes, at: Ints, end: Ints, edition: Ints) -> tuple[Mapping[Key, Items], list[Fault]]:
    """Items of frames whose items lie in ``data[at:end]`` (n,); a frame with a fault has none. data: with `PADDING` behind it."""
    found: list[tuple[Ints, Ints, int]] = []  # rows, where their items begin, place
    keys: list[Ints] = []
    faults: list[Fault] = []
    at, rows, place = at.copy(), np.flatnonzero(at < end), 0
    while rows.size and place < MOST_ITEMS:
        code = data[at[rows]].astype(np.int64)
        key = edition[rows] * 256 + code
        after = np.empty_like(rows)
        for one in np.unique(key).tolist():
            mine = key == one
            layout = layout_of(*divmod(one, 256))
            start, stop = at[rows[mine]] + 1, end[rows[mine]]
            after[mine] = -2 if layout is None else measure(layout, data, start, stop)
        late = (code == SIGNATURE) & (after >= 0) & (after < end[rows])  # a signature closes the report
        after[late] = -3
        good = after >= 0
        faults += [_fault(row, int(what), int(why)) for row, what, why in _triples(rows[~good], code[~good], after[~good])]
        found.append((rows[good], at[rows[good]], place))
        keys.append(key[good])
        at[rows[good]] = after[good]
        rows = rows[good]
        rows, place = rows[at[rows] < end[rows]], place + 1
    faults += [Fault(row, "undecodable", f"more than {MOST_ITEMS} items") for row in rows.tolist()]
    return _gathered(data, found, keys, {fault.frame for fault in faults}), sorted(faults, key=lambda fault: fault.frame)


def _triples(*columns: Ints) -> zip[tuple[int, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def _fault(row: int, code: int, why: int) -> Fault:
    if why == -2:
        return Fault(row, "undecodable", f"item 0x{code:02x} is reserved: its length is not known")
    if why == -3:
        return Fault(row, "overlong", "something follows the signature, which closes a report")
    return Fault(row, "truncated", f"item 0x{code:02x} is longer than the frame")


def _gathered(data: Bytes, found: Sequence[tuple[Ints, Ints, int]], keys: Sequence[Ints], bad: set[int]) -> dict[Key, Items]:
    if not found:
        return {}
    frame = np.concatenate([rows for rows, _, _ in found])
    start = np.concatenate([starts for _, starts, _ in found])
    place = np.concatenate([np.full(len(rows), where, np.int64) for rows, _, where in found])
    key = np.concatenate(keys)
    order = np.argsort(frame, kind="stable")  # places ascend within a frame already
    if bad:
        order = order[~np.isin(frame[order], list(bad))]
    items = {}
    for one in np.unique(key[order]).tolist():
        mine = order[key[order] == one]
        layout = layout_of(*divmod(one, 256))
        if layout is not None:
            columns, _ = gather(layout, data, start[mine] + 1)
            items[divmod(one, 256)] = Items(frame[mine], place[mine], columns)
    return items


# -- measuring -------------------------------------------------------------------------------------------------------------------


def measure(layout: Layout, data: Bytes, at: Ints, end: Ints) -> Ints:
    """(n,) where items that begin `at` end; −1 for those that would pass their frame's `end`."""
    at, good = at.copy(), np.ones(len(at), np.bool_)
    for part in layout:
        if isinstance(part, Fixed):
            at += part.width
        else:
            size = _sizes(part, number(data, at, part.count_bytes))
            at += part.count_bytes
            good &= at <= end
            size[~good] = 0
            if part.width is not None:
                at += size * part.width
            else:
                _, _, at, whole = _walk(part, data, at, size, end)
                good &= whole
        good &= at <= end
        at = np.where(good, at, end)
    return np.where(good, at, -1)


def number(data: Bytes, at: Ints, width: int) -> Ints:
    """(n,) big-endian integers."""
    value = data[at].astype(np.int64)
    for offset in range(1, width):
        value = value << 8 | data[at + offset]
    return value


def _sizes(part: Counted, count: Ints) -> Ints:
    gaps = (1 << 8 * part.count_bytes) - 2
    return np.where(count >= gaps, 0, count) if part.has_gaps else count.copy()


def _walk(part: Counted, data: Bytes, at: Ints, size: Ints, end: Ints | None) -> tuple[Ints, Ints, Ints, Bools]:
    """Step through lists whose elements vary in length: (list, start) of each element in order; where lists end; which fit.

    end None: they are known to fit.
    """
    at, whole = at.copy(), np.ones(len(at), np.bool_)
    limit = np.full(len(at), np.iinfo(np.int64).max) if end is None else end
    rows, step = np.flatnonzero(size > 0), 0
    owners, starts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    while rows.size:
        owners.append(rows)
        starts.append(at[rows])
        after = measure(part.element, data, at[rows], limit[rows])
        fits = after >= 0
        whole[rows[~fits]] = False
        at[rows[fits]] = after[fits]
        step += 1
        rows = rows[fits & (size[rows] > step)]
    owner, start = np.concatenate(owners), np.concatenate(starts)
    order = np.argsort(owner, kind="stable")
    return owner[order], start[order], at, whole


# -- gathering -------------------------------------------------------------------------------------------------------------------


def gather(layout: Layout, data: Bytes, at: Ints) -> tuple[Columns, Ints]:
    """The columns of items that begin `at` (n,) and are known to be whole, and where they end."""
    columns: list[npt.NDArray[Any] | Ragged] = []
    at = at.copy()
    for part in layout:
        if isinstance(part, Fixed):
            columns.append(_records(part, data, at))
            at += part.width
            continue
        count = number(data, at, part.count_bytes)
        size = _sizes(part, count)
        at += part.count_bytes
        if part.width is not None:
            starts = np.repeat(at, size) + part.width * ranks(size)
            at += size * part.width
        else:
            _, starts, at, _ = _walk(part, data, at, size, None)
        elements, _ = gather(part.element, data, starts)
        columns.append(Ragged(count, size, elements))
    return tuple(columns), at


def ranks(size: Ints) -> Ints:
    """0, 1, 2 … within each of lists of these sizes, list after list."""
    return np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)


def _records(part: Fixed, data: Bytes, at: Ints) -> npt.NDArray[Any]:
    return runs(data, at, part.width).view(part.dtype).reshape(len(at))


def runs(data: Bytes, at: Ints, width: int) -> Bytes:
    """(n, width) bytes from `at` (n,) on; a third of the time of an index for each byte."""
    return np.lib.stride_tricks.sliding_window_view(data, width)[at]


# -- writing ---------------------------------------------------------------------------------------------------------------------


def sizes(layout: Layout, columns: Columns) -> Ints:
    """(n,) how many bytes each item takes, its code not among them."""
    total: Ints | None = None
    for part, column in zip(layout, columns, strict=True):
        if isinstance(part, Fixed) or not isinstance(column, Ragged):
            size = np.full(len(column), part.width, np.int64)  # type: ignore[arg-type]
        else:
            size = part.count_bytes + summed(sizes(part.element, column.elements), column.size)
        total = size if total is None else total + size
    return np.zeros(0, np.int64) if total is None else total


def summed(values: Ints, size: Ints) -> Ints:
    """(n,) sums over lists of these sizes."""
    ends = np.concatenate([[0], np.cumsum(values)])
    stop = np.cumsum(size)
    return np.asarray(ends[stop] - ends[stop - size])


def put(layout: Layout, columns: Columns, out: Bytes, at: Ints) -> None:
    """Write items where `at` (n,) says that they begin."""
    at = at.copy()
    for part, column in zip(layout, columns, strict=True):
        if isinstance(part, Fixed) or isinstance(column, np.ndarray):
            records = np.ascontiguousarray(column)
            width = records.dtype.itemsize
            out[at[:, None] + np.arange(width)] = records.view(np.uint8).reshape(-1, width)
            at += width
            continue
        for offset in range(part.count_bytes):
            out[at + offset] = column.count >> 8 * (part.count_bytes - 1 - offset) & 0xFF
        at += part.count_bytes
        width_of = sizes(part.element, column.elements)
        before = np.cumsum(width_of) - width_of
        first = np.repeat(np.concatenate([[0], np.cumsum(summed(width_of, column.size))])[:-1], column.size)
        put(part.element, column.elements, out, np.repeat(at, column.size) + before - first)
        at += summed(width_of, column.size)
