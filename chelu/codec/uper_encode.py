"""Encoding, the mirror of `uper_decode`: rows that share a shape are put together at constant offsets, the rest with cursors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_bits import Ints, Words, put, write
from chelu.codec.uper_decode import ELEMENT_GROUP, GROUP, KEY_BITS, WINDOW_BITS
from chelu.codec.uper_layout import Block, FieldAt, Program, Repeat, Switch, Test, most_bits
from chelu.codec.uper_table import Table
from chelu.errors import OutOfRangeError

Piece = tuple["Ints | None", "Ints | int", Words]  # rows, bit within the record, words (words, n)
_WORDS = WINDOW_BITS // 64


@dataclass(slots=True)
class Encoder:
    """Encodes one table of one record type; after `run`, `pieces` hold the bits and `bits` (rows,) each record's length."""

    table: Table
    is_element: bool = False
    pieces: list[Piece] = field(default_factory=list)
    bits: Ints = field(init=False)
    _columns: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    _inner: dict[str, tuple[Encoder, Ints, Ints]] = field(default_factory=dict)
    _list_at: dict[str, Ints] = field(default_factory=dict)
    _limit: int = WINDOW_BITS

    def __post_init__(self) -> None:
        self.bits = np.zeros(self.table.rows, np.int64)

    def run(self, program: Program) -> None:
        """Encode every row; OutOfRangeError for a value its field cannot hold."""
        if self.table.rows:
            self._limit = min(WINDOW_BITS, program.reach)
            words = np.zeros((-(-self._limit // 64), self.table.rows), np.uint64)
            self._shared(program, 0, 0, None, words)
            for path, (inner, base, _) in self._inner.items():
                self._adopt(path, inner, base)

    def _column(self, path: str, rows: Ints | None) -> npt.NDArray[Any]:
        if path not in self._columns:
            dtype = np.uint64 if path == "id" else np.int64
            self._columns[path] = self.table.column(path, dtype)
        column = self._columns[path]
        return column if rows is None else column[rows]

    def _shared(self, program: Program, at: int, offset: int, rows: Ints | None, words: Words) -> None:
        operations = program.operations
        while at < len(operations):
            step = operations[at]
            if isinstance(step, Repeat) or offset + most_bits(step) > self._limit:
                self.pieces.append((rows, 0, words[: -(-offset // 64)]))
                position = np.full(words.shape[1], offset)
                return self._finish(self._cursor(program, (at, len(operations)), position, rows), rows)
            if isinstance(step, Block):
                self._block(step, words, offset, rows)
                offset, at = offset + step.bits, at + 1
                if (key := self._key(step.heads, rows)) is not None:
                    return self._split(program, at, offset, rows, words, key)
            elif isinstance(step, Test):
                head = int(self._column(step.head, rows)[0])
                at = at + 1 if head & step.mask == step.value else step.end
            else:
                offset, at = self._switch(step, words, offset, rows), at + 1
        self.pieces.append((rows, 0, words[: -(-offset // 64)]))
        return self._finish(np.full(words.shape[1], offset), rows)

    def _finish(self, position: Ints, rows: Ints | None) -> None:
        self.bits[slice(None) if rows is None else rows] = position

    def _block(self, step: Block, words: Words, offset: int, rows: Ints | None) -> None:
        for spot in (*step.heads, *step.fields):
            put(words, offset + spot.offset, spot.width, self._raw(spot, rows))

    def _raw(self, spot: FieldAt, rows: Ints | None) -> Words:
        value = self._column(spot.path, rows)
        raw: Words = (value - spot.low if spot.low else value).view(np.uint64)
        if spot.width < 64 and raw.max() > spot.limit:
            wrong = int(value[(raw > np.uint64(spot.limit)).argmax()])
            raise OutOfRangeError(spot.path, wrong, spot.low, spot.low + spot.limit)
        return raw

    def _key(self, heads: tuple[FieldAt, ...], rows: Ints | None) -> Ints | None:
        """The shape of each row as one number, None when all rows agree."""
        key, bits = np.zeros(1, np.int64), 0
        for spot in heads:
            values = self._column(spot.path, rows)
            if (values != values[0]).any():
                key, bits = (key << spot.width) | values, bits + spot.width
        if bits > KEY_BITS:
            return np.arange(len(key), dtype=np.int64)  # too many shapes to count: all by cursor
        return key if bits else None

    def _split(self, program: Program, at: int, offset: int, rows: Ints | None, words: Words, key: Ints) -> None:
        left = np.ones(len(key), np.bool_)
        least = ELEMENT_GROUP if self.is_element else GROUP
        for value in np.flatnonzero(np.bincount(key) >= least):
            picked = np.flatnonzero(key == value)
            left[picked] = False
            self._shared(program, at, offset, picked if rows is None else rows[picked], words[:, picked])
        rest = np.flatnonzero(left)
        if len(rest):
            own_rows = rest if rows is None else rows[rest]
            self.pieces.append((own_rows, 0, words[: -(-offset // 64), rest]))
            position = np.full(len(rest), offset)
            self._finish(self._cursor(program, (at, len(program.operations)), position, own_rows), own_rows)

    def _switch(self, step: Switch, words: Words, offset: int, rows: Ints | None) -> int:
        index = int(self._column(step.head, rows)[0])
        for number, path in enumerate(step.paths):
            width, low, limit = (int(table[number, index]) for table in (step.widths, step.lows, step.limits))
            put(words, offset, width, self._raw(FieldAt(path, 0, width, low, limit), rows))
            offset += width
        return offset

    def _cursor(self, program: Program, span: tuple[int, int], position: Ints, rows: Ints | None) -> Ints:
        at, end = span
        while at < end:
            step = program.operations[at]
            at += 1
            if isinstance(step, Block):
                words = np.zeros((-(-step.bits // 64), len(position)), np.uint64)
                self._block(step, words, 0, rows)
                self.pieces.append((rows, position, words))
                position = position + step.bits
            elif isinstance(step, Switch):
                position = self._switch_rows(step, position, rows)
            elif isinstance(step, Repeat):
                position = self._repeat(step, position, rows)
            else:
                position = self._test(program, (at, step), position, rows)
                at = step.end
        return position

    def _test(self, program: Program, body: tuple[int, Test], position: Ints, rows: Ints | None) -> Ints:
        at, step = body
        picked = np.flatnonzero((self._column(step.head, rows) & step.mask) == step.value)
        if len(picked) == 0:
            return position
        if len(picked) == len(position):
            return self._cursor(program, (at, step.end), position, rows)
        position = position.copy()
        own_rows = picked if rows is None else rows[picked]
        position[picked] = self._cursor(program, (at, step.end), position[picked], own_rows)
        return position

    def _switch_rows(self, step: Switch, position: Ints, rows: Ints | None) -> Ints:
        index = self._column(step.head, rows)
        word, used = np.zeros(len(position), np.uint64), np.zeros(len(position), np.uint64)
        for number, path in enumerate(step.paths):
            low, limit = step.lows[number][index], step.limits[number][index]
            value = self._column(path, rows)
            raw = value - low
            if (is_wrong := (raw < 0) | (raw > limit)).any():
                first = int(is_wrong.argmax())
                raise OutOfRangeError(path, int(value[first]), int(low[first]), int((low + limit)[first]))
            used = used + step.widths[number].astype(np.uint64)[index]
            word |= np.asarray(raw).astype(np.uint64) << (np.uint64(64) - used)
        self.pieces.append((rows, position, word[None]))
        return np.asarray(position + step.totals[index], np.int64)

    def _repeat(self, step: Repeat, position: Ints, rows: Ints | None) -> Ints:
        if step.path not in self._inner:
            owner, elements = self.table.lists[step.path]
            inner = Encoder(elements, is_element=True)
            inner.run(step.element)
            before = np.cumsum(inner.bits) - inner.bits
            first = np.searchsorted(owner, np.arange(self.table.rows))
            base = before - np.append(before, 0)[first][owner]
            totals = np.bincount(owner, inner.bits, self.table.rows).astype(np.int64)
            self._inner[step.path] = (inner, base, totals)
            self._list_at[step.path] = np.zeros(self.table.rows, np.int64)
        self._list_at[step.path][slice(None) if rows is None else rows] = position
        totals = self._inner[step.path][2]
        return np.asarray(position + (totals if rows is None else totals[rows]), np.int64)

    def _adopt(self, path: str, inner: Encoder, base: Ints) -> None:
        """Take over the pieces of a list's elements, counted from this record's first bit."""
        owner = self.table.lists[path][0]
        at = self._list_at[path][owner] + base
        for rows, position, words in inner.pieces:
            own = owner if rows is None else owner[rows]
            self.pieces.append((own, (at if rows is None else at[rows]) + position, words))


def assemble(encoder: Encoder, prefix: int, prefix_bits: int) -> tuple[npt.NDArray[np.uint8], Ints]:
    """All records as byte strings in one buffer, each behind `prefix`, padded with zero bits: (bytes,), stop (rows,)."""
    sizes = (encoder.bits + prefix_bits + 7) // 8
    stop = np.cumsum(sizes)
    size = int(stop[-1]) if len(stop) else 0
    stream = np.zeros(size // 8 + _WORDS + 3, np.uint64)
    start = (stop - sizes) * 8 + prefix_bits
    for rows, position, words in encoder.pieces:
        write(stream, (start if rows is None else start[rows]) + position, words)
    data = stream.byteswap().view(np.uint8)[:size]
    data[stop - sizes] |= np.uint8(prefix << (8 - prefix_bits))
    return data, stop
