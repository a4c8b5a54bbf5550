"""Records of one type → table in one pass of native code (chelu/native/uper.c) by the steps of `uper_plan`. Pure."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_layout import Program, Repeat
from chelu.codec.uper_plan import Plan, plan
from chelu.codec.uper_table import Table

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class _Group(ctypes.Structure):
    """`chelu_group` in uper.c."""

    _fields_ = (("owner", ctypes.c_void_p), ("count", ctypes.c_int64), ("room", ctypes.c_int64))


class _Records(ctypes.Structure):
    """`chelu_records` in uper.c."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("fields", "steps", "totals")),
        ("step_count", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("columns", "groups", "heads", "start", "stop", "count", "end", "bad")),
        *((name, ctypes.c_int64) for name in ("rows", "limit", "is_bad")),
    )


def read(library: ctypes.CDLL, data: Bytes, program: Program, start: Ints, stop: Ints) -> tuple[Table, Ints, Bools]:
    """See `chelu.codec.uper_read.read`."""
    return _read(library, data, plan(program), start, stop, None)


def read_lists(
    library: ctypes.CDLL, data: Bytes, step: Repeat, start: Ints, count: Ints, stop: Ints
) -> tuple[Ints, Table, Ints, Bools]:
    """Lists of `count` (n,) elements each: (owner of each element, elements, the bit behind each list, which are bad).

    start: (n,) first bit of each list; stop: (n,) bit behind its frame.
    """
    table, end, is_bad = _read(library, data, plan(step), start, stop, np.ascontiguousarray(count))
    owner, elements = table.lists.get(step.path, (np.empty(0, np.int64), Table(0)))
    return owner, elements, end, is_bad


def _read(
    library: ctypes.CDLL, data: Bytes, flat: Plan, start: Ints, stop: Ints, count: Ints | None
) -> tuple[Table, Ints, Bools]:
    rows = len(start)
    data, start, stop = np.ascontiguousarray(data), np.ascontiguousarray(start), np.ascontiguousarray(stop)
    room = _Room(flat, _rooms(flat, start, stop, count))
    heads, end, bad = np.zeros(flat.registers, np.uint64), np.empty(rows, np.int64), np.empty(rows, np.bool_)
    records = _Records(
        data=_address(data),
        size=len(data),
        fields=_address(flat.fields),
        steps=_address(flat.steps),
        totals=_address(flat.totals),
        step_count=len(flat.steps),
        columns=_address(room.columns),
        groups=ctypes.addressof(room.groups),
        heads=_address(heads),
        start=_address(start),
        stop=_address(stop),
        count=None if count is None else _address(count),
        end=_address(end),
        bad=_address(bad),
        rows=rows,
    )
    library.chelu_read_records(ctypes.byref(records))
    return room.table(), end, bad


def _rooms(flat: Plan, start: Ints, stop: Ints, count: Ints | None) -> list[int]:
    """Most rows of each group: no more elements than their frames have bits for, and one more each list, which may run off."""
    rooms, bits = [len(start)], stop - start
    for group in flat.groups[1:]:
        if group.holder < 0:
            rooms.append(rooms[group.record])
            continue
        lists, is_outer = rooms[group.holder], group.holder == 0
        left = int(np.maximum(bits - group.before if is_outer else bits, 0).sum())
        most = int(count.sum()) if is_outer and count is not None else lists * group.most
        rooms.append(min(most, lists + left // max(1, group.bits)))
    return rooms


class _Room:
    """Memory for owners and values.

    One block for all that lives no longer than the table: to make a hundred arrays takes longer than to read a small batch.
    Identities, which batches keep as they are, have their own.
    """

    def __init__(self, flat: Plan, rooms: list[int]) -> None:
        self._plan = flat
        rows = np.array(rooms, np.int64)
        sizes = np.concatenate([rows * 8, (rows[flat.column_groups] * flat.column_bytes + 7) // 8 * 8])
        places = np.cumsum(sizes) - sizes
        self._block = np.empty(int(sizes.sum()), np.uint8)
        self._places: list[int] = places.tolist()
        addresses = places + _address(self._block)
        self.groups = (_Group * len(rooms))(*map(_Group, addresses[: len(rooms)].tolist(), [0] * len(rooms), rooms))
        self.columns = addresses[len(rooms) :]
        self._kept = {number: np.empty(rooms[flat.columns[number].group], np.uint64) for number in flat.kept}
        for number, values in self._kept.items():
            self.columns[number] = _address(values)

    def table(self) -> Table:
        """What was written."""
        flat, counts = self._plan, [group.count for group in self.groups]
        owners = [np.ndarray((count,), np.int64, self._block, place) for count, place in zip(counts, self._places, strict=False)]
        tables = {number: Table(counts[number]) for number, group in enumerate(flat.groups) if group.record == number}
        places = self._places[len(counts) :]
        for number, column in enumerate(flat.columns):
            if not (count := counts[column.group]):
                continue
            table = tables[flat.groups[column.group].record]
            kept = self._kept.get(number)
            values = np.ndarray((count,), column.dtype, self._block, places[number]) if kept is None else kept[:count]
            table.add(column.path, owners[column.group] if count < table.rows else None, values)
        for number, group in enumerate(flat.groups):
            if group.holder >= 0 and counts[number]:
                tables[group.holder].lists[group.path] = owners[number], tables[number]
        return tables[0]


def _address(array: npt.NDArray[np.generic]) -> int:
    return int(array.__array_interface__["data"][0])
