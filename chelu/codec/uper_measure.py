"""Where the elements of lists lie: walks over records looking only at the bits that decide their length.

A record's program is boiled down to *reads* of few bits, *moves* by what tables say for the bits read, and parts that may be
absent. The walk is speculative: it goes through an absent part like through any other and then does not count its bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_bits import Ints, Source
from chelu.codec.uper_layout import Block, FieldAt, Operation, Program, Repeat, Switch, Test

SPAN = 12  # bits read at most in one go; their tables have 2**SPAN entries


@dataclass(frozen=True, slots=True)
class Read:
    """Register `number` becomes the `bits` bits that lie `ahead` bits behind the position."""

    number: int
    ahead: int
    bits: int


@dataclass(frozen=True, slots=True)
class Move:
    """The position moves by a constant, and by what the tables say for their registers."""

    bits: int
    tables: tuple[tuple[int, Ints], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Steps whose bits count only where the table says so for its register."""

    number: int
    is_there: npt.NDArray[np.bool_]
    steps: tuple[Step, ...]
    has_list: bool


@dataclass(frozen=True, slots=True)
class Elements:
    """A list, with its count in a register (None: always the lowest) as the table says."""

    repeat: Repeat
    number: int | None
    count: Ints


Step = Read | Move | Part | Elements


@dataclass(slots=True)
class _Planner:
    steps: list[Step] = field(default_factory=list)
    known: dict[str, tuple[int, Ints]] = field(default_factory=dict)  # head → register, value of the head by register
    counter: list[int] = field(default_factory=lambda: [0])
    bits: int = 0
    tables: dict[int, Ints] = field(default_factory=dict)

    def flush(self) -> None:
        if self.tables:
            number = next(iter(self.tables))
            self.tables[number], self.bits = self.tables[number] + self.bits, 0
        if self.bits or self.tables:
            self.steps.append(Move(self.bits, tuple(self.tables.items())))
        self.bits, self.tables = 0, {}

    def add(self, head: str, by_value: Ints) -> None:
        number, values = self.known[head]
        self.tables[number] = self.tables.get(number, 0) + by_value[np.minimum(values, len(by_value) - 1)]

    def read(self, heads: tuple[FieldAt, ...]) -> None:
        """Read heads that lie near each other together."""
        while heads:
            base = heads[0].offset
            near = [spot for spot in heads if spot.offset + spot.width <= base + SPAN]
            bits = near[-1].offset + near[-1].width - base
            number, self.counter[0] = self.counter[0], self.counter[0] + 1
            self.flush()
            self.steps.append(Read(number, base, bits))
            keys = np.arange(1 << bits)
            for spot in near:
                self.known[spot.path] = number, (keys >> (bits - (spot.offset - base) - spot.width)) & ((1 << spot.width) - 1)
            heads = heads[len(near) :]

    def part(self, step: Test, operations: tuple[Operation, ...], at: int) -> None:
        self.flush()
        inner = _Planner(known=dict(self.known), counter=self.counter)
        inner.plan(operations, at, step.end)
        number, values = self.known[step.head]
        has_list = any(isinstance(one, Repeat) for one in operations[at : step.end])
        self.steps.append(Part(number, (values & step.mask) == step.value, tuple(inner.steps), has_list))

    def plan(self, operations: tuple[Operation, ...], at: int, end: int) -> None:
        while at < end:
            step, at = operations[at], at + 1
            if isinstance(step, Block):
                self.read(step.heads)
                self.bits += step.bits
            elif isinstance(step, Switch):
                self.add(step.head, step.totals)
            elif isinstance(step, Repeat):
                self.flush()
                number, values = self.known.get(step.path + "*", (None, np.zeros(1, np.int64)))
                self.steps.append(Elements(step, number, values + step.low))
            else:
                if step.sizes is not None:
                    self.add(step.head, step.sizes)
                else:
                    self.part(step, operations, at)
                at = step.end
        self.flush()


@cache
def _plan(program: Program) -> tuple[Step, ...]:
    planner = _Planner()
    planner.plan(program.operations, 0, len(program.operations))
    return tuple(planner.steps)


def element_positions(
    source: Source, step: Repeat, position: Ints, count: Ints, stop: Ints
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """(owner row, first bit) of every element in wire order, the bit behind each list, and which rows ran off their frame.

    A row that ran off its frame has all its elements listed, the missing ones at its end: reading them does no harm.
    """
    first = np.cumsum(count) - count
    owner = np.repeat(np.arange(len(count)), count)
    if step.element.fixed_bits is not None:
        places = position[owner] + (np.arange(len(owner)) - first[owner]) * step.element.fixed_bits
        after = position + count * step.element.fixed_bits
    else:
        places, after = _chain(source, step.element, (position, stop), count, first)
    return owner, np.minimum(places, stop[owner]), after, after > stop


def _chain(source: Source, element: Program, span: tuple[Ints, Ints], count: Ints, first: Ints) -> tuple[Ints, Ints]:
    """Places of elements that lie one behind the other, and the ends of their lists; rows with most elements go first.

    span: where each list starts and its frame stops. Once all rows that are left ran off their frames, lists in elements are
    not walked on: a damaged frame may claim thousands.
    """
    steps, order = _plan(element), np.argsort(-count, kind="stable")
    here, stop, slot = (column[order] for column in (*span, first))
    has_lists = any(isinstance(step, Repeat) for step in element.operations)
    longer = len(count) - np.cumsum(np.bincount(count))  # rows with more than so many elements
    places = np.full(int(count.sum()), np.iinfo(np.int64).max)
    for number, rows in enumerate(longer[:-1].tolist()):
        if has_lists and (here[:rows] > stop[:rows]).all():
            break
        places[slot[:rows] + number] = here[:rows]
        here[:rows] = _walk(source, steps, (here[:rows], stop[:rows]), {})
    after = np.empty_like(here)
    after[order] = here
    return places, after


def _walk(source: Source, steps: tuple[Step, ...], span: tuple[Ints, Ints], registers: dict[int, Ints]) -> Ints:
    """The bit behind each record (or part of one); span: where each starts and its frame stops."""
    position, stop = span
    for step in steps:
        if isinstance(step, Move):
            position = position + step.bits if step.bits else position
            for number, table in step.tables:
                position = position + table[registers[number]]
        elif isinstance(step, Read):
            registers[step.number] = source.few(position + step.ahead if step.ahead else position, step.bits)
        elif isinstance(step, Part):
            position = _part(source, step, (position, stop), registers)
        else:
            count = np.broadcast_to(step.count[0 if step.number is None else registers[step.number]], position.shape)
            position = _list_end(source, step.repeat, (position, stop), count)
    return position


def _part(source: Source, step: Part, span: tuple[Ints, Ints], registers: dict[int, Ints]) -> Ints:
    position, stop = span
    is_there = step.is_there[registers[step.number]]
    if not step.has_list:
        return np.where(is_there, _walk(source, step.steps, span, registers), position)
    picked = np.flatnonzero(is_there)
    own = {number: values[picked] for number, values in registers.items()}
    position = position.copy()
    position[picked] = _walk(source, step.steps, (position[picked], stop[picked]), own)
    return position


def _list_end(source: Source, step: Repeat, span: tuple[Ints, Ints], count: Ints) -> Ints:
    if step.element.fixed_bits is not None:
        return np.asarray(span[0] + count * step.element.fixed_bits)
    return _chain(source, step.element, span, count, np.cumsum(count) - count)[1]
