"""Thrift's compact protocol (thrift/doc/specs/thrift-compact-protocol.md), as far as Parquet's footers need it. Pure.

A struct is its fields in order, whatever they mean: what is not changed is written as it was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
WHOLE = frozenset({I16, I32, I64})
LONG_LIST = 15  # elements and more have their number in a varint


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct; value: int, bytes (binary, 8 bytes of a double, one of an i8), Elements, or a tuple of Fields."""

    number: int
    type: int
    value: Any


@dataclass(frozen=True, slots=True)
class Elements:
    """A list or a set."""

    type: int
    values: tuple[Any, ...]


Struct = tuple[Field, ...]


def value_of(struct: Struct, number: int) -> Any:
    """A field's value; None when it is not there."""
    return next((field.value for field in struct if field.number == number), None)


def changed(struct: Struct, number: int, change: Callable[[Any], Any]) -> Struct:
    """The struct with a field's value put through `change`, where it has it."""
    return tuple(Field(one.number, one.type, change(one.value)) if one.number == number else one for one in struct)


def read(data: bytes) -> Struct:
    """The struct that the bytes begin with; ValueError for a type that Parquet's footers do not have, IndexError when cut off."""
    return _Reader(data).struct()


def write(struct: Struct) -> bytes:
    """A struct's bytes."""
    written, last = bytearray(), 0
    for field in struct:
        delta = field.number - last
        is_short = 0 < delta <= 15
        written.append((delta << 4 if is_short else 0) | field.type)
        if not is_short:
            written += varint(_zigzag(field.number))
        written += b"" if field.type in {TRUE, FALSE} else _written(field.type, field.value)
        last = field.number
    return bytes(written) + b"\0"


def list_head(kind: int, count: int) -> bytes:
    """What stands before a list's elements."""
    return bytes([count << 4 | kind]) if count < LONG_LIST else bytes([0xF0 | kind]) + varint(count)


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else ~number << 1 | 1


def _written(kind: int, value: Any) -> bytes:
    if kind in WHOLE:
        return varint(_zigzag(value))
    if kind == BINARY:
        return varint(len(value)) + bytes(value)
    if kind in {LIST, SET}:
        return list_head(value.type, len(value.values)) + b"".join(_written(value.type, each) for each in value.values)
    return write(value) if kind == STRUCT else bytes(value)


@dataclass(slots=True)
class _Reader:
    """Where one is in the bytes."""

    data: bytes
    at: int = 0

    def struct(self) -> Struct:
        fields, last = list[Field](), 0
        while head := self._byte():
            kind = head & 15
            last = last + (head >> 4) if head >> 4 else self._whole()
            fields.append(Field(last, kind, kind == TRUE if kind in {TRUE, FALSE} else self._value(kind)))
        return tuple(fields)

    def _value(self, kind: int) -> Any:
        if kind in WHOLE:
            return self._whole()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in {LIST, SET}:
            return self._elements()
        if kind == STRUCT:
            return self.struct()
        return self._bytes({I8: 1, TRUE: 1, FALSE: 1, DOUBLE: 8}[kind] if kind in {I8, TRUE, FALSE, DOUBLE} else _unknown(kind))

    def _elements(self) -> Elements:
        head = self._byte()
        count = head >> 4 if head >> 4 < LONG_LIST else self._varint()
        return Elements(head & 15, tuple(self._value(head & 15) for _ in range(count)))

    def _whole(self) -> int:
        found = self._varint()
        return found >> 1 ^ -(found & 1)

    def _varint(self) -> int:
        found = shift = 0
        while (byte := self._byte()) & 0x80:
            found |= (byte & 0x7F) << shift
            shift += 7
        return found | byte << shift

    def _bytes(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise IndexError(f"{count} bytes at {self.at} of {len(self.data)}")
        self.at += count
        return self.data[self.at - count : self.at]

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]


def _unknown(kind: int) -> int:
    raise ValueError(f"type {kind} of a field: a footer has none")
