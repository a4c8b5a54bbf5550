"""One message ⇄ JSON, an exact inverse of each other: names and units as in `chelu.messages`, enum items and bits by name.

Rules: an absent optional member has no key; null is the wire's own code for "unavailable" (for an enum: an item this version
does not know, which cannot be written back); a choice is an object with one key, the alternative; a bit string is a list of
names, or text of 0 and 1 when a set bit has no name; an octet string is hexadecimal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chelu.codec.cv2x_names import Unit, label, unit
from chelu.codec.cv2x_spec import KINDS, slow_decode, slow_encode, spec
from chelu.codec.uper_types import Choice, Leaf, Listing, Member, Node, Record
from chelu.errors import MalformedError, NotAllowedError, OutOfRangeError
from chelu.messages import DropReason

Json = Any
_FRAMES = dict(zip(KINDS, ("bsmFrame", "mapFrame", "rsmFrame", "spatFrame", "rsiFrame"), strict=True))


def to_json(frame: bytes) -> dict[str, Json]:
    """A frame as JSON; MalformedError when it is refused."""
    return value_json(slow_decode(frame))


def value_json(value: tuple[str, Any]) -> dict[str, Json]:
    """A decoded MessageFrame (asn1tools' value) as JSON."""
    kind = next(kind for kind, name in _FRAMES.items() if name == value[0])
    return {"message": kind, **_show(_message(kind), value[1])}


def from_text(text: str | bytes) -> bytes:
    """The frame of a JSON text, see `from_json`; a key given twice is refused too, MalformedError when it is not JSON."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise MalformedError(DropReason.UNDECODABLE, f"not JSON: {error}") from None
    return from_json(document)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        values = [value for name, value in pairs if name == twice]
        raise NotAllowedError(twice, values, f"one value, not {len(values)}")
    return found


def from_json(document: Mapping[str, Json]) -> bytes:
    """The frame of a document that `to_json` could have written.

    OutOfRangeError names the first field that is missing, unknown, of the wrong type or outside its bounds.
    """
    if not isinstance(document, Mapping):
        raise NotAllowedError("(document)", document, "a JSON object with the key message")
    kind = document.get("message")
    if not isinstance(kind, str) or kind not in _FRAMES:
        raise NotAllowedError("message", kind, f"one of {', '.join(KINDS)}")
    body = {name: value for name, value in document.items() if name != "message"}
    return slow_encode((_FRAMES[kind], _read(_message(kind), body, "")))


def _message(kind: str) -> Node:
    return spec().root.members[KINDS.index(kind)].node


def _show(node: Node, value: Any) -> Json:
    if isinstance(node, Record):
        return {label(node, member): _show_member(member, value[member.name]) for member in node.members if member.name in value}
    if isinstance(node, Choice):
        member = next(member for member in node.members if member.name == value[0])
        return {value[0]: _show_member(member, value[1])}
    if isinstance(node, Listing):
        return _show_list(node, value)
    return _show_leaf(node, value)


def _show_member(member: Member, value: Any) -> Json:
    scale = unit(member)
    return _show(member.node, value) if scale is None else scale.show(value)


def _show_list(node: Listing, value: Any) -> Json:
    if node.kind == "octets":
        return value.hex()
    return value if node.kind == "text" else [_show(node.element, element) for element in value]


def _show_leaf(leaf: Leaf, value: Any) -> Json:
    if leaf.kind == "octets":
        return value.hex()
    if leaf.kind != "bits":
        return value
    data, size = value
    bits = f"{int.from_bytes(data, 'big') >> (8 * len(data) - size):0{size}b}"
    is_set = [place for place, bit in enumerate(bits) if bit == "1"]
    return bits if any(place >= len(leaf.names) for place in is_set) else [leaf.names[place] for place in is_set]


def _read(node: Node, value: Json, path: str) -> Any:
    if isinstance(node, Record):
        return _read_record(node, value, path)
    if isinstance(node, Choice):
        return _read_choice(node, value, path)
    if isinstance(node, Listing):
        return _read_list(node, value, path)
    return _read_leaf(node, value, path)


def _read_record(node: Record, value: Json, path: str) -> dict[str, Any]:
    _expect(value, dict, path, "a JSON object")
    labels = {label(node, member): member for member in node.members}
    for name in value:
        if name not in labels:
            raise NotAllowedError(_join(path, name), value[name], f"there is no such field; fields are {', '.join(labels)}")
    read = {}
    for name, member in labels.items():
        if name in value:
            read[member.name] = _read_member(member, value[name], _join(path, name))
        elif not member.is_optional:
            raise NotAllowedError(_join(path, name), None, f"it is required: {_bounds(member)}")
    return read


def _read_choice(node: Choice, value: Json, path: str) -> tuple[str, Any]:
    names = {member.name: member for member in node.members}
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in names:
        raise NotAllowedError(path, value, f"an object with one of {', '.join(names)}")
    name, inner = next(iter(value.items()))
    return name, _read_member(names[name], inner, _join(path, name))


def _read_member(member: Member, value: Json, path: str) -> Any:
    scale = unit(member)
    return _read(member.node, value, path) if scale is None else scale.read(value, path)


def _read_list(node: Listing, value: Json, path: str) -> Any:
    _expect(value, list if node.kind == "list" else str, path, "a list" if node.kind == "list" else "text")
    read = _hex(value, path) if node.kind == "octets" else value
    if not node.low <= len(read) <= node.high:
        raise OutOfRangeError(f"{path} (length)", len(read), node.low, node.high)
    if node.kind == "text" and not value.isascii():
        raise NotAllowedError(path, value, "characters of ASCII")
    return [_read(node.element, part, f"{path}[{at}]") for at, part in enumerate(value)] if node.kind == "list" else read


def _read_leaf(leaf: Leaf, value: Json, path: str) -> Any:
    if leaf.kind == "enum":
        if value not in leaf.names:
            raise NotAllowedError(path, value, f"one of {', '.join(leaf.names)}")
        return value
    if leaf.kind == "octets":
        _expect(value, str, path, f"{leaf.size} bytes in hexadecimal")
        data = _hex(value, path)
        if len(data) != leaf.size:
            raise OutOfRangeError(f"{path} (bytes)", len(data), leaf.size, leaf.size)
        return data
    if leaf.kind == "bits":
        return _read_bits(leaf, value, path)
    if not isinstance(value, int) or isinstance(value, bool) or not leaf.low <= value <= leaf.low + leaf.limit:
        raise OutOfRangeError(path, value, leaf.low, leaf.low + leaf.limit)
    return value


def _read_bits(leaf: Leaf, value: Json, path: str) -> tuple[bytes, int]:
    if isinstance(value, str) and len(value) == leaf.size and set(value) <= {"0", "1"}:
        number = int(value, 2)
    elif isinstance(value, list) and all(name in leaf.names for name in value):
        number = sum(1 << (leaf.size - 1 - leaf.names.index(name)) for name in set(value))
    else:
        raise NotAllowedError(path, value, f"{leaf.size} characters 0 and 1, or a list of {', '.join(leaf.names)}")
    size = -(-leaf.size // 8)
    return (number << (8 * size - leaf.size)).to_bytes(size, "big"), leaf.size


def _hex(value: str, path: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise NotAllowedError(path, value, "hexadecimal digits, two for each byte") from None


def _expect(value: Json, kind: type, path: str, what: str) -> None:
    if not isinstance(value, kind):
        raise NotAllowedError(path or "(document)", value, f"{what}, not {type(value).__name__}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _bounds(member: Member) -> str:
    scale = unit(member)
    node = member.node
    if isinstance(scale, Unit):
        return f"{scale.low_si} … {scale.high_si}"
    if isinstance(node, Leaf) and node.kind == "integer":
        return f"{node.low} … {node.low + node.limit}"
    return node.type_name
