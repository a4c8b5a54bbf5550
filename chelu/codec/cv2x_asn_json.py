"""JSON with the names and integers of the ASN.1 module, as T/ITS 0117's and OpenV2X's platforms write MAP: read as frames.

Nobody wrote down how ASN.1's choices, enumerations and bit strings look in it, so all that is about is taken: a choice as an
object with one key, as a pair or as ``choice`` and ``value``; an item by name, by number or as a key without value; bits as text
of 0 and 1, as names, or as hexadecimal digits and their number; numbers as text; a list as an object with its elements' type for
a key (OpenV2X, from XER). A position may say ``long`` or ``lon``, ``elevation`` or ``ele``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chelu.codec.cv2x_spec import KINDS, slow_encode, spec
from chelu.codec.uper_types import Choice, Leaf, Listing, Node, Record
from chelu.errors import NotAllowedError, OutOfRangeError

Json = Any
_FRAMES = ("bsmFrame", "mapFrame", "rsmFrame", "spatFrame", "rsiFrame")
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {"long": ("lon",), "lon": ("long",), "elevation": ("ele",), "msgCnt": ("msgCount",)}


def frame_of(kind: str, document: Mapping[str, Json]) -> bytes:
    """The frame of a message's document; OutOfRangeError names the first field that is missing or cannot be what it says."""
    at = KINDS.index(kind)
    return slow_encode((_FRAMES[at], _read(spec().root.members[at].node, document, "")))


def _read(node: Node, value: Json, path: str) -> Any:
    if isinstance(node, Record):
        return _record(node, value, path)
    if isinstance(node, Choice):
        name, inner = _alternative(node, value, path)
        member = next(member for member in node.members if member.name == name)
        return name, _read(member.node, inner, f"{path}.{name}")
    if isinstance(node, Listing):
        return _listing(node, value, path)
    return _leaf(node, value, path)


def _record(node: Record, value: Json, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise NotAllowedError(path or "(document)", value, f"an object: {node.type_name}")
    found = {}
    for member in node.members:
        names = [name for name in (member.name, *_OTHER_NAMES.get(member.name, ())) if value.get(name) is not None]
        at = f"{path}.{member.name}" if path else member.name
        if names:
            found[member.name] = _read(member.node, value[names[0]], at)
        elif not member.is_optional:
            raise NotAllowedError(at, None, "it is required")
    return found


def _alternative(node: Choice, value: Json, path: str) -> tuple[str, Json]:
    names = [member.name for member in node.members]
    found: tuple[Json, Json] = (None, None)
    if isinstance(value, Mapping) and set(value) == {"choice", "value"}:
        found = value["choice"], value["value"]
    elif isinstance(value, Mapping) and len(value) == 1:
        found = next(iter(value.items()))
    elif isinstance(value, list) and len(value) == 2:
        found = value[0], value[1]
    if found[0] not in names:
        raise NotAllowedError(path, value, f"one of {', '.join(names)}")
    return str(found[0]), found[1]


def _listing(node: Listing, value: Json, path: str) -> Any:
    if node.kind == "octets" and isinstance(value, str):
        return _octets(value, path)
    if node.kind == "list" and isinstance(value, Mapping) and set(value) == {node.element.type_name}:
        inner = value[node.element.type_name]
        value = inner if isinstance(inner, list) else [inner]
    if not isinstance(value, str if node.kind == "text" else list):
        raise NotAllowedError(path, value, "text" if node.kind == "text" else "a list")
    if node.kind == "text":
        return value
    return [_read(node.element, one, f"{path}[{row}]") for row, one in enumerate(value)]


def _leaf(leaf: Leaf, value: Json, path: str) -> Any:
    if leaf.kind == "enum":
        if isinstance(value, Mapping) and len(value) == 1:
            value = next(iter(value))
        is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(leaf.names)
        return leaf.names[value] if is_number else value
    if leaf.kind == "octets":
        return _octets(value, path)
    if leaf.kind == "bits":
        return _bits(leaf, value, path)
    if isinstance(value, str) and value.lstrip("-").isdigit():  # some write numbers of nodes as text
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise OutOfRangeError(path, value, leaf.low, leaf.low + leaf.limit)
    return value


def _bits(leaf: Leaf, value: Json, path: str) -> tuple[bytes, int]:
    bits = ""
    if isinstance(value, str):
        bits = value
    elif isinstance(value, Mapping) and isinstance(value.get("bits"), str):
        bits = value["bits"]
    elif isinstance(value, list) and all(one in leaf.names for one in value):
        bits = "".join("01"[name in value] for name in leaf.names).ljust(leaf.size, "0")
    elif isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        bits = "".join(f"{byte:08b}" for byte in _octets(value[0], path))
    size = leaf.size
    if len(bits) < size or len(bits) > -(-size // 8) * 8 or set(bits) - {"0", "1"}:
        raise NotAllowedError(path, value, f"{size} characters 0 and 1, or a list of {', '.join(leaf.names)}")
    return int(bits[:size].ljust(-(-size // 8) * 8, "0"), 2).to_bytes(-(-size // 8), "big"), size


def _octets(value: Json, path: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise NotAllowedError(path, value, "hexadecimal digits, two for each byte") from None
