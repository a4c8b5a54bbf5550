"""Decoding: rows that share a shape are read field by field at constant offsets, the rest with one bit cursor per row."""

from __future__ import annotations

from ctypes import CDLL
from typing import Any

import numpy as np

from chelu.codec import uper_native
from chelu.codec.uper_bits import Ints, Source, Words, take
from chelu.codec.uper_layout import Block, FieldAt, Program, Repeat, Switch, Test, most_bits
from chelu.codec.uper_measure import element_positions
from chelu.codec.uper_table import Table

# Messages of one shape from which constant offsets beat cursors (measured with evaluation/bench/codec.py); elements of lists,
# whose shapes vary more, are always read with cursors.
GROUP = 1024
KEY_BITS = 16
WINDOW_BITS = 448  # bits of a record read in one go; longer records go on from there with a cursor

Heads = dict[str, "int | Ints"]


class Decoder:
    """Decodes one batch of one record type; `bad` rows are for somebody slower to judge.

    library: native code for the lists in records; start: (n,) first bit of each record; stop: (n,) bit behind its frame.
    After `run`: `table`, `end` (n,) the bit behind each record, `bad` (n,) where a value is illegal, an extension bit is set
    or a list runs off its frame.
    """

    __slots__ = ("_library", "_limit", "_source", "_start", "_stop", "bad", "end", "table")

    def __init__(self, source: Source, start: Ints, stop: Ints, library: CDLL | None = None) -> None:
        self._library = library
        self._source, self._start, self._stop = source, start, stop
        self._limit = WINDOW_BITS
        self.table = Table(len(start))
        self.bad = np.zeros(len(start), np.bool_)
        self.end = start.copy()

    def run(self, program: Program, *, is_element: bool = False) -> None:
        """Decode every row."""
        if len(self._start) == 0:
            return
        if is_element:
            self._finish(self._cursor(program, (0, len(program.operations)), self._start, None, {}), None)
        else:
            self._limit = min(WINDOW_BITS, program.reach)
            words = self._source.window(self._start, max(self._limit, 58))
            self._shared(program, 0, 0, None, words, {})

    def _position(self, rows: Ints | None) -> Ints:
        return self._start if rows is None else self._start[rows]

    def _shared(self, program: Program, at: int, offset: int, rows: Ints | None, words: Words, heads: Heads) -> None:
        """Go on where all `rows` have the same `offset`; split where they decide differently."""
        operations = program.operations
        while at < len(operations):
            step = operations[at]
            if isinstance(step, Repeat) or offset + most_bits(step) > self._limit:
                return self._finish(
                    self._cursor(program, (at, len(operations)), self._position(rows) + offset, rows, heads), rows
                )
            if isinstance(step, Block):
                self._fields(step.fields, words, offset, rows)
                varied = self._heads(step.heads, words, offset, rows, heads)
                offset, at = offset + step.bits, at + 1
                if varied:
                    return self._split(program, at, offset, rows, words, heads, varied)
            elif isinstance(step, Test):
                at = at + 1 if int(heads[step.head]) & step.mask == step.value else step.end
            else:
                offset, at = self._switch(step, words, offset, rows, int(heads[step.head])), at + 1
        return self._finish(self._position(rows) + offset, rows)

    def _finish(self, position: Ints, rows: Ints | None) -> None:
        self.end[slice(None) if rows is None else rows] = position

    def _fields(self, fields: tuple[FieldAt, ...], words: Words, offset: int, rows: Ints | None) -> None:
        for spot in fields:
            raw = take(words, offset + spot.offset, spot.width)
            self._check(raw, spot, rows)
            self.table.add(spot.path, rows, _value(raw, spot))

    def _check(self, raw: Words, spot: FieldAt, rows: Ints | None) -> None:
        if spot.limit + 1 < 1 << spot.width and raw.max() > spot.limit:
            self._mark(raw > np.uint64(spot.limit), rows)

    def _mark(self, is_bad: np.typing.NDArray[np.bool_], rows: Ints | None) -> None:
        self.bad[slice(None) if rows is None else rows] |= is_bad

    def _heads(self, spots: tuple[FieldAt, ...], words: Words, offset: int, rows: Ints | None, heads: Heads) -> list[FieldAt]:
        varied = []
        for spot in spots:
            raw = take(words, offset + spot.offset, spot.width)
            self._check(raw, spot, rows)
            values = raw.astype(np.int64)
            self.table.add(spot.path, rows, values)
            if (values == values[0]).all():
                heads[spot.path] = int(values[0])
            else:
                heads[spot.path] = values
                varied.append(spot)
        return varied

    def _split(
        self, program: Program, at: int, offset: int, rows: Ints | None, words: Words, heads: Heads, varied: list[FieldAt]
    ) -> None:
        """Each common shape goes on by itself, all rare ones together with cursors."""
        left = np.ones(words.shape[1], np.bool_)
        for picked, own in _common(heads, varied):
            left[picked] = False
            self._shared(program, at, offset, picked if rows is None else rows[picked], words[:, picked], {**heads, **own})
        rest = np.flatnonzero(left)
        if len(rest):
            own_rows = rest if rows is None else rows[rest]
            kept: Heads = {path: value if isinstance(value, int) else value[rest] for path, value in heads.items()}
            position = self._start[own_rows] + offset
            self._finish(self._cursor(program, (at, len(program.operations)), position, own_rows, kept), own_rows)

    def _switch(self, step: Switch, words: Words, offset: int, rows: Ints | None, index: int) -> int:
        if index >= len(step.totals):
            return offset  # already marked bad by its head
        for number, path in enumerate(step.paths):
            width, low, limit = (int(table[number, index]) for table in (step.widths, step.lows, step.limits))
            self._fields((FieldAt(path, 0, width, low, limit),), words, offset, rows)
            offset += width
        return offset

    def _cursor(self, program: Program, span: tuple[int, int], position: Ints, rows: Ints | None, heads: Heads) -> Ints:
        """Run operations span[0]..span[1] with a cursor per row; the cursors behind them."""
        at, end = span
        while at < end:
            step = program.operations[at]
            if isinstance(step, Block):
                words = self._source.window(position, step.bits)
                self._fields(step.fields, words, 0, rows)
                self._heads(step.heads, words, 0, rows, heads)
                position, at = position + step.bits, at + 1
            elif isinstance(step, Test):
                position, at = self._test(program, step, at, position, rows, heads)
            elif isinstance(step, Switch):
                position, at = self._switch_rows(step, position, rows, heads[step.head]), at + 1
            else:
                position, at = self._repeat(step, position, rows, heads), at + 1
        return position

    def _test(self, program: Program, step: Test, at: int, position: Ints, rows: Ints | None, heads: Heads) -> tuple[Ints, int]:
        head = heads[step.head]
        if isinstance(head, int):
            return position, at + 1 if head & step.mask == step.value else step.end
        picked = np.flatnonzero((head & step.mask) == step.value)
        if len(picked) in (0, len(head)):
            return position, at + 1 if len(picked) else step.end
        own_rows = picked if rows is None else rows[picked]
        position = position.copy()
        position[picked] = self._cursor(program, (at + 1, step.end), position[picked], own_rows, {})
        return position, step.end

    def _switch_rows(self, step: Switch, position: Ints, rows: Ints | None, head: int | Ints) -> Ints:
        index = np.minimum(head, len(step.totals) - 1)
        word, used = self._source.window(position, 64)[0], np.uint64(0)
        for number, path in enumerate(step.paths):
            width = step.widths[number].astype(np.uint64)[index]
            raw = (word << used) >> (np.uint64(64) - width)
            is_bad = raw > step.limits[number].astype(np.uint64)[index]
            if is_bad.any():
                self._mark(is_bad, rows)
            self.table.add(path, rows, np.broadcast_to(raw.astype(np.int64) + step.lows[number][index], position.shape))
            used = used + width
        return position + step.totals[index]

    def _repeat(self, step: Repeat, position: Ints, rows: Ints | None, heads: Heads) -> Ints:
        count = np.broadcast_to(heads.get(step.path + "*", 0), position.shape) + step.low
        stop = self._stop if rows is None else self._stop[rows]
        if self._library is None:
            owner, elements, after, is_bad = self._elements(step, position, count, stop)
        else:
            owner, elements, after, is_bad = uper_native.read_lists(self._library, self._source.data, step, position, count, stop)
        self._mark(is_bad, rows)
        _append(self.table, step.path, owner if rows is None else rows[owner], elements)
        return after

    def _elements(
        self, step: Repeat, position: Ints, count: Ints, stop: Ints
    ) -> tuple[Ints, Table, Ints, np.typing.NDArray[np.bool_]]:
        """As `read_lists`."""
        owner, places, after, is_bad = element_positions(self._source, step, position, count, stop)
        inner = Decoder(self._source, places, stop[owner])
        inner.run(step.element, is_element=True)
        is_bad[owner[inner.bad]] = True
        return owner, inner.table, after, is_bad


def _value(raw: Words, spot: FieldAt) -> np.typing.NDArray[np.signedinteger[Any]] | Words:
    if spot.width == 64:
        return raw
    value = raw.astype(np.int32) if spot.width < 32 else raw.astype(np.int64)
    return value + value.dtype.type(spot.low) if spot.low else value


def _common(heads: Heads, varied: list[FieldAt]) -> list[tuple[Ints, dict[str, int]]]:
    """The shapes that enough rows share: (places in the group, their heads)."""
    if sum(spot.width for spot in varied) > KEY_BITS:
        return []
    key = np.zeros(1, np.int64)
    for spot in varied:
        key = (key << spot.width) | heads[spot.path]
    found = []
    for value in np.flatnonzero(np.bincount(key) >= GROUP):
        picked = np.flatnonzero(key == value)
        own = {spot.path: int(np.asarray(heads[spot.path])[picked[0]]) for spot in varied}
        found.append((picked, own))
    return found


def _append(table: Table, path: str, owner: Ints, inner: Table) -> None:
    """Add elements to the list at `path`; owners of several pieces are put in order at the end (`Table.lists` ascends)."""
    if path not in table.lists:
        table.lists[path] = (owner, inner)
        return
    before, old = table.lists[path]
    owners = np.concatenate([before, owner])
    order = np.argsort(owners, kind="stable")
    table.lists[path] = (owners[order], _reordered(_stack(old, inner), order))


def _reordered(table: Table, order: Ints) -> Table:
    """The same rows in another order: row ``i`` is the old row ``order[i]``."""
    place = np.empty(table.rows, np.int64)
    place[order] = np.arange(table.rows)
    moved = Table(table.rows)
    for path, pieces in table.chunks.items():
        moved.chunks[path] = [(place if rows is None else place[rows], values) for rows, values in pieces]
    for path, (owner, inner) in table.lists.items():
        by_owner = np.argsort(place[owner], kind="stable")
        moved.lists[path] = (place[owner][by_owner], _reordered(inner, by_owner))
    return moved


def _stack(first: Table, second: Table) -> Table:
    joined = Table(first.rows + second.rows)
    for shift, part in ((0, first), (first.rows, second)):
        for path, pieces in part.chunks.items():
            for rows, values in pieces:
                joined.add(path, (np.arange(part.rows) if rows is None else rows) + shift, values)
        for path, (owner, inner) in part.lists.items():
            _append(joined, path, owner + shift, inner)
    return joined
