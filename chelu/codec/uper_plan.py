"""A record's program, flattened for native code (chelu/native/uper.c): steps over words of 64 bits.

Values go to *groups*: columns of equal length, those of a record or of a part of it that may be absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_layout import Block, FieldAt, Operation, Program, Repeat, Switch, Test

BLOCK, OPTION, TEST, PICK, REPEAT = range(5)  # kinds of steps
NO_HEAD, COUNT = range(2)  # registers: of whatever decides nothing, of the count of a list that is read by itself
WORD = 64  # bits that are read in one go
FIELD = np.dtype(
    [
        *((name, "u8") for name in ("mask", "limit")),
        ("low", "i8"),
        *((name, "i4") for name in ("down", "column", "is_wide", "head")),
    ]
)  # `chelu_field` in uper.c
STEP = np.dtype([(name, "i8") for name in ("kind", "group", "first", "heads", "last", "bits", "head", "mask", "value")])

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of record `record` (a group's number, its own for the records themselves).

    For elements of a list: its path, the group of the record that holds it, the most elements, the fewest bits of one, and the
    fewest bits of the record before the list.
    """

    record: int
    path: str = ""
    holder: int = -1
    most: int = 0
    bits: int = 0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """Where the values of a path go."""

    path: str
    group: int
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A program, flattened.

    fields: (n,) `FIELD`; steps: (n,) `STEP`; totals: bits of alternatives; registers: how many there are;
    column_groups, column_bytes: by column, its group and the size of a value; kept: columns that batches may keep as they are.
    """

    fields: npt.NDArray[np.void]
    steps: npt.NDArray[np.void]
    totals: Ints
    groups: tuple[Group, ...]
    columns: tuple[Column, ...]
    registers: int
    column_groups: Ints
    column_bytes: Ints
    kept: tuple[int, ...]


@cache
def plan(part: Program | Repeat) -> Plan:
    """Flatten a program, or a list whose count is known."""
    planner = _Planner([], [], [Group(0)], [])
    if isinstance(part, Repeat):
        planner.heads[part.path + "*"] = COUNT
        planner.repeat(replace(part, low=0), 0, 0)
    else:
        planner.record(part, 0)
    return Plan(
        fields=np.array(planner.fields, FIELD),
        steps=np.array(planner.steps, STEP),
        totals=np.array(planner.totals, np.int64),
        groups=tuple(planner.groups),
        columns=tuple(planner.columns),
        registers=planner.registers,
        column_groups=np.array([column.group for column in planner.columns], np.int64),
        column_bytes=np.array([column.dtype.itemsize for column in planner.columns], np.int64),
        kept=tuple(number for number, column in enumerate(planner.columns) if column.dtype == np.uint64),
    )


@dataclass(slots=True)
class _Planner:
    fields: list[tuple[int, ...]]
    steps: list[tuple[int, ...]]
    groups: list[Group]
    columns: list[Column]
    totals: list[int] = field(default_factory=list)
    registers: int = 2
    heads: dict[str, int] = field(default_factory=dict)  # register by path, of the record at hand

    def record(self, program: Program, group: int) -> None:
        outer, self.heads = self.heads, {}
        self.operations(program.operations, 0, len(program.operations), group)
        self.heads = outer

    def operations(self, operations: tuple[Operation, ...], at: int, end: int, group: int) -> None:
        while at < end:
            step, at = operations[at], at + 1
            if isinstance(step, Block):
                self.block(step, group)
            elif isinstance(step, Switch):
                self.switch(step, group)
            elif isinstance(step, Repeat):
                self.repeat(step, group, _least(operations[: at - 1]))
            else:
                part = self.group(Group(self.groups[group].record))
                self.test(step, operations[: step.end], at, part)
                at = step.end

    def test(self, step: Test, operations: tuple[Operation, ...], at: int, part: int) -> None:
        place, decision = self.step(), (self.heads[step.head], step.mask, step.value)
        self.operations(operations, at, step.end, part)
        self.steps[place] = (TEST, part, 0, 0, len(self.steps), 0, *decision)
        kind, _, first, heads, last, bits, *_ = self.steps[-1]
        if len(self.steps) == place + 2 and kind == BLOCK and heads == last:
            self.steps[place:] = [(OPTION, part, first, heads, last, bits, *decision)]

    def block(self, step: Block, group: int) -> None:
        """A block in pieces that fit in a word each."""
        left, start = sorted((*step.fields, *step.heads), key=lambda spot: spot.offset), 0
        while start < step.bits:
            piece = [spot for spot in left if spot.offset + spot.width <= start + WORD]
            left = left[len(piece) :]
            end = left[0].offset if left else step.bits
            self.piece(piece, [spot in step.heads for spot in piece], (start, end), group)
            start = end

    def piece(self, spots: list[FieldAt], decides: list[bool], span: tuple[int, int], group: int) -> None:
        first = len(self.fields)
        for spot, _ in filter(lambda pair: not pair[1], zip(spots, decides, strict=True)):
            self.field(spot, spot.offset - span[0], self.column(spot.path, group, spot.width))
        heads = len(self.fields)
        for spot, _ in filter(lambda pair: pair[1], zip(spots, decides, strict=True)):
            self.heads[spot.path], self.registers = self.registers, self.registers + 1
            self.field(spot, spot.offset - span[0], self.column(spot.path, group, spot.width), self.heads[spot.path])
        self.steps.append((BLOCK, group, first, heads, len(self.fields), span[1] - span[0], NO_HEAD, 0, 0))

    def switch(self, step: Switch, group: int) -> None:
        first, place, each = len(self.fields), len(self.totals), len(step.paths)
        columns = [self.column(path, group, WORD - 1) for path in step.paths]
        for number in range(len(step.totals)):
            offset = 0
            for column, path, *table in zip(columns, step.paths, step.widths, step.lows, step.limits, strict=True):
                width, low, limit = (int(values[number]) for values in table)
                self.field(FieldAt(path, 0, width, low, limit), offset, column)
                offset += width
            self.totals.append(offset)
        self.steps.append((PICK, group, first, each, len(step.totals), 0, self.heads[step.head], 0, place))

    def repeat(self, step: Repeat, group: int, before: int) -> None:
        holder, place = self.groups[group].record, self.step()
        number = len(self.groups)
        self.group(Group(number, step.path, holder, step.high, _least(step.element.operations), before))
        self.record(step.element, number)
        head = self.heads.get(step.path + "*", NO_HEAD)
        self.steps[place] = (REPEAT, number, 0, 0, len(self.steps), 0, head, 0, step.low)

    def field(self, spot: FieldAt, offset: int, column: int, head: int = NO_HEAD) -> None:
        """A field at `offset` bits of a word."""
        down = max(0, WORD - offset - spot.width) if spot.width else 0
        is_wide = self.columns[column].dtype.itemsize == 8
        low = 0 if spot.width == WORD else spot.low
        self.fields.append(((1 << spot.width) - 1, spot.limit, low, down, column, is_wide, head))

    def column(self, path: str, group: int, width: int) -> int:
        dtype = np.uint64 if width == 64 else np.int64 if width >= 32 else np.int32
        self.columns.append(Column(path, group, np.dtype(dtype)))
        return len(self.columns) - 1

    def group(self, group: Group) -> int:
        self.groups.append(group)
        return len(self.groups) - 1

    def step(self) -> int:
        """A place for a step that is known later."""
        self.steps.append(())
        return len(self.steps) - 1


def _least(operations: tuple[Operation, ...]) -> int:
    """Bits that these take at least, whatever their lists hold."""
    bits, at = 0, 0
    while at < len(operations):
        step, at = operations[at], at + 1
        if isinstance(step, Block):
            bits += step.bits
        elif isinstance(step, Switch):
            bits += int(step.totals.min())
        elif not isinstance(step, Repeat):
            at = step.end
    return bits
