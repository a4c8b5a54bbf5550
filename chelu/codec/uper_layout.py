"""The layout compiler: a type tree becomes a linear program that says where every field of a record lies.

A *block* is a run of bits whose inner offsets never change. Between blocks stand the decisions: a member that may be absent, a
choice, a list. All rows that decide alike share every offset; that is what decoder and encoder live on.

Paths: members joined by dots; alternatives of a choice do not appear in them (see `alternative`). ``path?`` is a record's
extension and optional bits, ``path#`` a choice's index, ``path*`` a list's count − lowest count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_types import Choice, Leaf, Listing, Member, Node, Record

HEADS = 1 << 9  # values a head can have: 8 optional members and an extension bit at most


@dataclass(frozen=True, slots=True)
class FieldAt:
    """A value at `offset` bits from the block's start."""

    path: str
    offset: int
    width: int
    low: int
    limit: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """`bits` bits with `fields` (values) and `heads` (what decides the shape of what follows)."""

    fields: tuple[FieldAt, ...]
    heads: tuple[FieldAt, ...]
    bits: int


@dataclass(frozen=True, slots=True)
class Test:
    """Operations up to `end` happen only where ``head & mask == value``.

    sizes: bits they take by value of the head, where their size is fixed.
    """

    head: str
    mask: int
    value: int
    end: int
    sizes: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """A choice whose alternatives have the same members in different widths: one table row per index.

    paths: (fields,); widths, lows, limits: (fields, alternatives) int64; totals: (alternatives,) int64, at most 64 bits.
    """

    head: str
    paths: tuple[str, ...]
    widths: npt.NDArray[np.int64]
    lows: npt.NDArray[np.int64]
    limits: npt.NDArray[np.int64]
    totals: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """A list of `element` records; its count − `low` is the head ``path*``."""

    path: str
    low: int
    high: int
    element: Program


Operation = Block | Test | Switch | Repeat


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Operations in wire order; `fixed_bits` the size where nothing decides, `reach` the most bits before the first list."""

    operations: tuple[Operation, ...]
    fixed_bits: int | None
    reach: int


@dataclass(slots=True)
class _Builder:
    operations: list[Operation] = field(default_factory=list)
    fields: list[FieldAt] = field(default_factory=list)
    heads: list[FieldAt] = field(default_factory=list)
    offset: int = 0

    def flush(self) -> None:
        if self.offset:
            self.operations.append(Block(tuple(self.fields), tuple(self.heads), self.offset))
        self.fields, self.heads, self.offset = [], [], 0

    def head(self, path: str, width: int, limit: int) -> None:
        if width:
            self.heads.append(FieldAt(path, self.offset, width, 0, limit))
            self.offset += width

    def value(self, path: str, leaf: Leaf) -> None:
        self.fields.append(FieldAt(path, self.offset, leaf.width, leaf.low, leaf.limit))
        self.offset += leaf.width


def compile_record(node: Node) -> Program:
    """The program of one record type."""
    builder = _Builder()
    _emit(builder, node, "")
    builder.flush()
    operations = tuple(builder.operations)
    return Program(operations, _fixed_bits(operations), _reach(operations))


def _reach(operations: tuple[Operation, ...]) -> int:
    reach = 0
    for operation in operations:
        if isinstance(operation, Repeat):
            break
        reach += most_bits(operation)
    return reach


def most_bits(operation: Operation) -> int:
    """The most bits a single operation reads; a test reads none, a list has no bound here."""
    if isinstance(operation, Block):
        return operation.bits
    return int(operation.totals.max()) if isinstance(operation, Switch) else 0


def _fixed_bits(operations: tuple[Operation, ...]) -> int | None:
    if len(operations) == 1 and isinstance(operations[0], Block) and not operations[0].heads:
        return operations[0].bits
    return None


def join(path: str, name: str) -> str:
    """The path of member `name` of the record at `path`."""
    return f"{path}.{name}" if path else name


def alternative(path: str, member: Member) -> str:
    """The path of a choice's alternative: lists keep its name, since lists of two types cannot share a table."""
    return join(path, member.name) if isinstance(member.node, Listing) else path


def _emit(builder: _Builder, node: Node, path: str) -> None:
    if isinstance(node, Leaf):
        builder.value(path, node)
    elif isinstance(node, Record):
        _emit_record(builder, node, path)
    elif isinstance(node, Choice):
        _emit_choice(builder, node, path)
    else:
        _emit_list(builder, node, path)


def _emit_record(builder: _Builder, node: Record, path: str) -> None:
    count = len(node.optionals)
    builder.head(path + "?", count + node.is_extensible, (1 << count) - 1)
    for member in node.members:
        if member.is_optional:
            count -= 1
            _emit_when(builder, member.node, join(path, member.name), (path + "?", 1 << count, 1 << count))
        else:
            _emit(builder, member.node, join(path, member.name))


def _emit_when(builder: _Builder, node: Node, path: str, condition: tuple[str, int, int]) -> None:
    builder.flush()
    place = len(builder.operations)
    builder.operations.append(Test(*condition, end=0))
    _emit(builder, node, path)
    builder.flush()
    body = builder.operations[place + 1 :]
    builder.operations[place] = Test(*condition, end=len(builder.operations), sizes=_sizes(tuple(body), *condition[1:]))


def _sizes(body: tuple[Operation, ...], mask: int, value: int) -> npt.NDArray[np.int64] | None:
    bits = _fixed_bits(body)
    if bits is None:
        return None
    heads = np.arange(HEADS)
    return np.where((heads & mask) == value, bits, 0)


def _emit_choice(builder: _Builder, node: Choice, path: str) -> None:
    width = node.width + node.is_extensible
    builder.head(path + "#", width, len(node.members) - 1)
    switch = _switch(node, path)
    if switch is not None:
        builder.flush()
        builder.operations.append(switch)
        return
    for index, member in enumerate(node.members):
        _emit_when(builder, member.node, alternative(path, member), (path + "#", (1 << width) - 1, index))


def _switch(node: Choice, path: str) -> Switch | None:
    leaves = [_leaves(member.node) for member in node.members]
    if not all(leaves) or len({tuple(part) for part in leaves}) != 1:
        return None
    paths = tuple(join(path, name) if name else path for name in leaves[0])
    table = np.array([[(x.width, x.low, x.limit) for x in part.values()] for part in leaves], np.int64)
    widths, lows, limits = (np.ascontiguousarray(table[:, :, axis].T) for axis in range(3))
    totals = widths.sum(axis=0)
    return Switch(path + "#", paths, widths, lows, limits, totals) if totals.max() <= 64 else None


def _leaves(node: Node) -> dict[str, Leaf]:
    """The leaves of an alternative that is nothing but leaves, by member name; empty for any other."""
    if isinstance(node, Leaf):
        return {"": node} if node.kind == "integer" else {}
    if not isinstance(node, Record) or node.is_extensible or node.optionals:
        return {}
    members = {member.name: member.node for member in node.members if isinstance(member.node, Leaf)}
    return members if len(members) == len(node.members) else {}


def _emit_list(builder: _Builder, node: Listing, path: str) -> None:
    builder.head(path + "*", node.width, node.high - node.low)
    builder.flush()
    builder.operations.append(Repeat(path, node.low, node.high, compile_record(node.element)))
