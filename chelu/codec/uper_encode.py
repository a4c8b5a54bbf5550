"""Encoding, the mirror of `uper_decode`: all rows go through the program together, each with its own bit cursor.

Bits are gathered in one word per row and written when it may be full. A member that a row lacks adds no bits to that row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_bits import Ints, add
from chelu.codec.uper_layout import Block, FieldAt, Operation, Program, Repeat, Switch
from chelu.codec.uper_table import Table
from chelu.errors import OutOfRangeError

Word = npt.NDArray[np.uint64]  # (rows,)
Mask = Word | None  # all bits of a row set where something is present; None: everywhere

_ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@dataclass(slots=True)
class Encoder:
    """Encodes one table of one record type; after `run`, `bits` (rows,) is each record's length.

    pieces: (first bit within the record, up to 64 bits from the highest on), each (rows,); lists: (row of each element, its
    first bit within that row's record, encoder of the elements).
    """

    table: Table
    pieces: list[tuple[Ints, Word]] = field(default_factory=list)
    lists: list[tuple[Ints, Ints, Encoder]] = field(default_factory=list)
    bits: Ints = field(init=False)
    _word: Word = field(init=False)
    _used: np.uint64 | Word = field(init=False)  # bits in `_word`
    _most: int = 0  # the most bits any row may have in `_word`
    _heads: dict[str, Word] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bits, self._word = np.zeros(self.table.rows, np.int64), np.zeros(self.table.rows, np.uint64)

    def run(self, program: Program) -> None:
        """Encode every row; OutOfRangeError for a value its field cannot hold."""
        if self.table.rows:
            self._steps(program.operations, (0, len(program.operations)), None)
            self._flush()

    def _steps(self, operations: tuple[Operation, ...], span: tuple[int, int], mask: Mask) -> None:
        at, end = span
        while at < end:
            step, at = operations[at], at + 1
            if isinstance(step, Block):
                for spots, width in _words(step):
                    self._append(self._together(spots, mask), np.uint64(width), width, mask)
            elif isinstance(step, Switch):
                self._switch(step, mask)
            elif isinstance(step, Repeat):
                self._repeat(step)
            else:
                is_there = (self._head(step.head) & np.uint64(step.mask)) == np.uint64(step.value)
                if is_there.any():
                    self._steps(operations, (at, step.end), mask if is_there.all() else _narrowed(mask, is_there))
                at = step.end

    def _append(self, value: Word, width: np.uint64 | Word, most: int, mask: Mask) -> None:
        """Put `width` (at most `most`) bits behind the word, where the mask says so."""
        if self._most + most > 64:
            self._flush()
        if mask is not None:
            value, width = value & mask, mask & width
        if self._most == 0:
            self._word, self._used = value, width
        else:
            self._word = self._word << width  # a shift by 64 gives 0
            self._word |= value
            self._used = self._used + width
        self._most += most

    def _flush(self) -> None:
        if self._most:
            self.pieces.append((self.bits, self._word << (np.uint64(64) - self._used)))
            self.bits = self.bits + np.asarray(self._used).astype(np.int64)
            self._most = 0

    def _together(self, spots: tuple[FieldAt, ...], mask: Mask) -> Word:
        word = self._raw(spots[0], mask)
        for spot in spots[1:]:
            word = word << np.uint64(spot.width)
            word |= self._raw(spot, mask)
        return word

    def _raw(self, spot: FieldAt, mask: Mask) -> Word:
        """A column as it goes on the wire, 0 where absent; alternatives of a choice may share a column."""
        raw = _column(self.table, spot.path, spot.low)
        if spot.width < 64 and raw.max() > spot.limit:
            wrong = _first(raw > np.uint64(spot.limit), mask)
            if wrong is not None:
                raise OutOfRangeError(spot.path, int(raw.view(np.int64)[wrong]) + spot.low, spot.low, spot.low + spot.limit)
        return raw

    def _head(self, path: str) -> Word:
        if path not in self._heads:
            self._heads[path] = _column(self.table, path, 0)
        return self._heads[path]

    def _switch(self, step: Switch, mask: Mask) -> None:
        index = self._head(step.head).view(np.int64)
        word = np.zeros(self.table.rows, np.uint64)
        for number, path in enumerate(step.paths):
            low, limit = step.lows[number], step.limits[number]
            raw = (self.table.column(path) - low[index]).view(np.uint64)
            if (wrong := _first(raw > limit.view(np.uint64)[index], mask)) is not None:
                lowest, spread = int(low[index[wrong]]), int(limit[index[wrong]])
                raise OutOfRangeError(path, int(raw.view(np.int64)[wrong]) + lowest, lowest, lowest + spread)
            word = (word << step.widths[number].view(np.uint64)[index]) | raw
        self._append(word, step.totals.view(np.uint64)[index], int(step.totals.max()), mask)

    def _repeat(self, step: Repeat) -> None:
        """Elements of all rows are encoded together; rows without the list have none."""
        self._flush()
        if step.path not in self.table.lists:
            return
        owner, elements = self.table.lists[step.path]
        inner = Encoder(elements)
        inner.run(step.element)
        before = np.cumsum(inner.bits) - inner.bits
        count = np.bincount(owner, minlength=self.table.rows)
        base = np.append(before, 0)[np.cumsum(count) - count]  # bits before the row's first element
        self.lists.append((owner, (self.bits - base)[owner] + before, inner))
        self.bits = self.bits + np.bincount(owner, inner.bits, self.table.rows).astype(np.int64)


def _narrowed(mask: Mask, is_there: npt.NDArray[np.bool_]) -> Mask:
    own = is_there * _ALL
    return own if mask is None else own & mask


def _first(is_wrong: npt.NDArray[np.bool_], mask: Mask) -> int | None:
    if mask is not None:
        is_wrong = is_wrong & (mask != 0)
    return int(is_wrong.argmax()) if is_wrong.any() else None


def _column(table: Table, path: str, low: int) -> Word:
    pieces = table.chunks.get(path, ())
    if len(pieces) == 1 and pieces[0][0] is None:
        return _lowered(pieces[0][1], low)
    whole = np.zeros(table.rows, np.uint64)
    for rows, values in pieces:
        whole[slice(None) if rows is None else rows] = _lowered(values, low)
    return whole


def _lowered(values: npt.NDArray[Any], low: int) -> Word:
    if values.dtype == np.uint64:
        return values
    wide = values.astype(np.int64, copy=False)
    return (wide - low if low else wide).view(np.uint64)


@cache
def _words(block: Block) -> tuple[tuple[tuple[FieldAt, ...], int], ...]:
    """A block's values in wire order, as many together as fit in 64 bits, and their bits."""
    found: list[tuple[tuple[FieldAt, ...], int]] = []
    for spot in sorted((*block.heads, *block.fields), key=lambda spot: spot.offset):
        if found and found[-1][1] + spot.width <= 64:
            found[-1] = (*found[-1][0], spot), found[-1][1] + spot.width
        else:
            found.append(((spot,), spot.width))
    return tuple(found)


def assemble(encoder: Encoder, prefix: int, prefix_bits: int) -> tuple[npt.NDArray[np.uint8], Ints]:
    """All records as byte strings in one buffer, each behind `prefix`, padded with zero bits: (bytes,), stop (rows,)."""
    sizes = (encoder.bits + prefix_bits + 7) // 8
    stop = np.cumsum(sizes)
    size = int(stop[-1]) if len(stop) else 0
    stream = np.zeros(size // 8 + 2, np.uint64)
    _lay(encoder, (stop - sizes) * 8 + prefix_bits, stream)
    data = stream.byteswap().view(np.uint8)[:size]
    data[stop - sizes] |= np.uint8(prefix << (8 - prefix_bits))
    return data, stop


def _lay(encoder: Encoder, start: Ints, stream: Word) -> None:
    for position, word in encoder.pieces:
        add(stream, start + position, word)
    for owner, first, inner in encoder.lists:
        _lay(inner, start[owner] + first, stream)
