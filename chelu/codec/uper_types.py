"""The types of an ASN.1 module as UPER sees them: a small immutable tree made from asn1tools' parse tree.

Only what UPER of a C-V2X module needs: constrained integers, enumerations, bit and octet strings, IA5 strings, sequences,
choices and lists. A type the tree cannot hold raises NotImplementedError when the module is read, not when a message arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of fixed width.

    kind: "integer", "enum", "bits" or "octets"; width: bits on the wire, an extension bit included; low: value of raw 0;
    limit: highest legal raw value (an extension bit that is set lies above it); names: items of an enum, names of bits;
    size: bits of a bit string, bytes of an octet string.
    """

    kind: str
    type_name: str
    width: int
    low: int
    limit: int
    names: tuple[str, ...] = ()
    size: int = 0
    is_extensible: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a sequence, or one alternative of a choice."""

    name: str
    node: Node
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A SEQUENCE: an extension bit when extensible, one bit per optional member, then the members."""

    type_name: str
    members: tuple[Member, ...]
    is_extensible: bool

    @property
    def optionals(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members if member.is_optional)


@dataclass(frozen=True, slots=True)
class Choice:
    """A CHOICE: an extension bit when extensible, `width` bits of index, then the alternative."""

    type_name: str
    members: tuple[Member, ...]
    is_extensible: bool

    @property
    def width(self) -> int:
        return (len(self.members) - 1).bit_length()


@dataclass(frozen=True, slots=True)
class Listing:
    """A SEQUENCE OF, IA5 string or octet string of variable length: `width` bits of count − low, then the elements."""

    kind: str  # "list", "text" or "octets"
    type_name: str
    low: int
    high: int
    element: Node

    @property
    def width(self) -> int:
        return (self.high - self.low).bit_length()


Node = Leaf | Record | Choice | Listing
Parsed = Mapping[str, Any]

_CHARACTER = Leaf("integer", "IA5Character", 7, 0, 127)
_OCTET = Leaf("integer", "Octet", 8, 0, 255)


def tree(types: Parsed, name: str) -> Node:
    """The tree of the type `name`, from the ``types`` of a module as asn1tools parsed it."""
    return _node(types, {"type": name}, name)


def _node(types: Parsed, spec: Parsed, name: str) -> Node:
    kind = spec["type"]
    if kind in types:
        return _node(types, types[kind], kind)
    makers = {
        "INTEGER": _integer,
        "ENUMERATED": _enum,
        "BIT STRING": _bits,
        "OCTET STRING": _octets,
        "IA5String": _text,
        "SEQUENCE": _record,
        "CHOICE": _choice,
        "SEQUENCE OF": _listing,
    }
    if kind not in makers:
        raise NotImplementedError(f"{name}: the ASN.1 type {kind} has no layout")
    return makers[kind](types, spec, name)


def _integer(_types: Parsed, spec: Parsed, name: str) -> Node:
    low, high = spec["restricted-to"][0]
    return Leaf("integer", name, (high - low).bit_length(), low, high - low)


def _enum(_types: Parsed, spec: Parsed, name: str) -> Node:
    items = sorted((value for value in spec["values"] if value is not None), key=lambda item: item[1])
    is_extensible = None in spec["values"]
    width = (len(items) - 1).bit_length() + is_extensible
    names = tuple(item[0] for item in items)
    return Leaf("enum", name, width, 0, len(items) - 1, names, is_extensible=is_extensible)


def _bits(_types: Parsed, spec: Parsed, name: str) -> Node:
    size = int(spec["size"][0])
    names = tuple(item[0] for item in sorted(spec.get("named-bits", ()), key=lambda item: int(item[1])))
    is_extensible = None in spec["size"]
    return Leaf("bits", name, size + is_extensible, 0, (1 << size) - 1, names, size, is_extensible)


def _octets(_types: Parsed, spec: Parsed, name: str) -> Node:
    size = spec["size"][0]
    if isinstance(size, int):
        return Leaf("octets", name, 8 * size, 0, (1 << 8 * size) - 1, (), size)
    return Listing("octets", name, size[0], size[1], _OCTET)


def _text(_types: Parsed, spec: Parsed, name: str) -> Node:
    low, high = spec["size"][0]
    return Listing("text", name, low, high, _CHARACTER)


def _members(types: Parsed, specs: Sequence[Parsed | None]) -> tuple[Member, ...]:
    present = [spec for spec in specs if spec is not None]
    return tuple(Member(spec["name"], _node(types, spec, spec["name"]), bool(spec.get("optional"))) for spec in present)


def _record(types: Parsed, spec: Parsed, name: str) -> Node:
    return Record(name, _members(types, spec["members"]), None in spec["members"])


def _choice(types: Parsed, spec: Parsed, name: str) -> Node:
    return Choice(name, _members(types, spec["members"]), None in spec["members"])


def _listing(types: Parsed, spec: Parsed, name: str) -> Node:
    low, high = spec["size"][0]
    return Listing("list", name, low, high, _node(types, spec["element"], name))
