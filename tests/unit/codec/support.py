"""What the codec's tests share: vectors, random messages made from the type tree, tables read back as asn1tools' values."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from chelu.codec.cv2x_spec import KINDS, spec
from chelu.codec.uper_layout import alternative, join
from chelu.codec.uper_table import Table
from chelu.codec.uper_types import Choice, Leaf, Listing, Node, Record

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "data" / "cv2x"
REFERENCE_US = 1_700_000_000_000_000


def vectors_file() -> Path:
    return (ROOT / os.environ.get("CHELU_DATA", "../shared/data")).resolve().parent / "vectors" / "cv2x_generated.json"


def vectors() -> list[tuple[str, bytes, Any]]:
    """(name, frame, asn1tools value) of the shared vectors; empty when this machine does not have them."""
    file = vectors_file()
    if not file.exists():
        return []
    items = json.loads(file.read_text(encoding="utf-8"))["vectors"]
    return [(item["name"], bytes.fromhex(item["uper_hex"]), python_value(item["value"])) for item in items]


def cases() -> list[Path]:
    return sorted(CASES.iterdir())


def python_value(value: Any) -> Any:
    if isinstance(value, list):
        return [python_value(part) for part in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"choice", "value"}:
        return value["choice"], python_value(value["value"])
    if set(value) == {"hex"}:
        return bytes.fromhex(value["hex"])
    if set(value) == {"bits"}:
        return bits_value(int(value["bits"], 2), len(value["bits"]))
    return {name: python_value(part) for name, part in value.items()}


def bits_value(number: int, size: int) -> tuple[bytes, int]:
    octets = -(-size // 8)
    return (number << (8 * octets - size)).to_bytes(octets, "big"), size


def leaf_values(leaf: Leaf) -> st.SearchStrategy[Any]:
    if leaf.kind == "enum":
        return st.sampled_from(leaf.names)
    if leaf.kind == "octets":
        return st.binary(min_size=leaf.size, max_size=leaf.size)
    if leaf.kind == "bits":
        return st.integers(0, leaf.limit).map(lambda number: bits_value(number, leaf.size))
    return st.integers(leaf.low, leaf.low + leaf.limit)


@cache
def values(node: Node) -> st.SearchStrategy[Any]:
    """asn1tools values of a type, every optional present or absent, every alternative, lists short and now and then long."""
    if isinstance(node, Leaf):
        return leaf_values(node)
    if isinstance(node, Record):
        required = {member.name: values(member.node) for member in node.members if not member.is_optional}
        optional = {member.name: values(member.node) for member in node.members if member.is_optional}
        return st.fixed_dictionaries(required, optional=optional)
    if isinstance(node, Choice):
        return st.one_of([st.tuples(st.just(member.name), values(member.node)) for member in node.members])
    if node.kind == "text":
        return st.text(st.characters(max_codepoint=127), min_size=node.low, max_size=min(node.high, 8))
    if node.kind == "octets":
        return st.binary(min_size=node.low, max_size=min(node.high, 8))
    return st.lists(values(node.element), min_size=node.low, max_size=min(node.high, node.low + 3))


def messages(*kinds: str) -> st.SearchStrategy[tuple[str, Any]]:
    """MessageFrame values of these kinds (all five when none is named)."""
    members = [spec().root.members[KINDS.index(kind)] for kind in kinds or KINDS]
    return st.one_of([st.tuples(st.just(member.name), values(member.node)) for member in members])


def table_value(node: Node, table: Table, row: int, path: str = "") -> Any:
    """One row of a wire table as asn1tools' value."""
    if isinstance(node, Leaf):
        return leaf_value(node, int(table.column(path, "u8" if node.width == 64 else "i8")[row]))
    if isinstance(node, Choice):
        member = node.members[int(table.column(path + "#")[row])]
        return member.name, table_value(member.node, table, row, alternative(path, member))
    if isinstance(node, Listing):
        return list_value(node, table, row, path)
    head = int(table.column(path + "?")[row])
    count, found = len(node.optionals), {}
    for member in node.members:
        count -= member.is_optional
        if not member.is_optional or head >> count & 1:
            found[member.name] = table_value(member.node, table, row, join(path, member.name))
    return found


def leaf_value(leaf: Leaf, number: int) -> Any:
    if leaf.kind == "enum":
        return leaf.names[number]
    if leaf.kind == "octets":
        return number.to_bytes(leaf.size, "big")
    return bits_value(number, leaf.size) if leaf.kind == "bits" else number


def list_value(node: Listing, table: Table, row: int, path: str) -> Any:
    owner, inner = table.lists[path]
    elements = [table_value(node.element, inner, int(place)) for place in (owner == row).nonzero()[0]]
    if node.kind == "list":
        return elements
    return bytes(elements).decode("ascii") if node.kind == "text" else bytes(elements)
