"""The C-V2X module, read once: its type tree, the programs of its messages, and asn1tools as the slow path and the judge.

asn1tools takes 22 MiB when it is imported (it brings a shell), so that who never reads a frame does not import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chelu.codec.uper_layout import Program, compile_record
from chelu.codec.uper_types import Choice, Leaf, Listing, Node, Record, tree
from chelu.errors import MalformedError, OutOfRangeError
from chelu.messages import DropReason

KINDS = ("bsm", "map", "rsm", "spat", "rsi")  # by index of the MessageFrame's choice
FRAME_BITS = 4  # the MessageFrame's own extension bit and index

_UNREADABLE = (NotImplementedError, ValueError, KeyError, IndexError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Spec:
    """The compiled module."""

    root: Choice
    programs: Mapping[str, Program]
    slow: Any  # asn1tools' compiled MessageFrame


@cache
def spec() -> Spec:
    """Parse and compile `cv2x.asn` (0.3 s, once per process)."""
    import asn1tools

    parsed = asn1tools.parse_files([str(Path(__file__).with_name("cv2x.asn"))])
    root = tree(parsed["CV2X"]["types"], "MessageFrame")
    if not isinstance(root, Choice):
        raise TypeError("MessageFrame is not a CHOICE")
    programs = {kind: compile_record(member.node) for kind, member in zip(KINDS, root.members, strict=True)}
    return Spec(root, programs, asn1tools.compile_dict(parsed, "uper").types["MessageFrame"])


def slow_decode(frame: bytes) -> tuple[str, Any]:
    """One frame by asn1tools: (frame type, value); raises MalformedError with the reason it is refused for.

    Order of judgement: version, structure, bytes left over, ranges. Non-zero padding bits in the last byte are accepted.
    """
    from asn1tools import DecodeError
    from asn1tools.codecs import OutOfDataError
    from asn1tools.codecs.uper import Decoder as BitDecoder

    if not frame:
        raise MalformedError(DropReason.TRUNCATED, "the frame is empty")
    if frame[0] >> 4 >= len(KINDS):
        raise MalformedError(
            DropReason.WRONG_VERSION, f"the MessageFrame's first four bits are {frame[0] >> 4:04b}, no message has them"
        )
    decoder = BitDecoder(bytearray(frame))
    try:
        name, value = spec().slow._type.decode(decoder)
    except OutOfDataError as error:
        raise MalformedError(DropReason.TRUNCATED, f"{len(frame)} bytes are not enough: {error}") from None
    except (DecodeError, *_UNREADABLE) as error:
        raise MalformedError(DropReason.UNDECODABLE, f"{type(error).__name__}: {error}") from None
    if decoder.number_of_bits >= 8:
        raise MalformedError(DropReason.OVERLONG, f"{decoder.number_of_bits // 8} of {len(frame)} bytes are left over")
    try:
        check(spec().root, (name, value), "")
    except OutOfRangeError as error:
        raise MalformedError(DropReason.OUT_OF_RANGE, str(error)) from None
    return name, value


def slow_encode(value: tuple[str, Any]) -> bytes:
    """One frame by asn1tools; OutOfRangeError names the first field that cannot hold its value."""
    check(spec().root, value, "")
    return bytes(spec().slow.encode(value))


def canonical(value: tuple[str, Any]) -> bytes:
    """The frame without what extensions added: unknown additions left out, an unknown item of an enum as item 0 or left out."""
    return bytes(spec().slow.encode(_known(spec().root, value)))


def check(node: Node, value: Any, path: str) -> None:
    """Raise OutOfRangeError for the first value outside its type; None stands for an enum's unknown extension and passes."""
    if isinstance(node, Leaf):
        _check_leaf(node, value, path)
    elif isinstance(node, Record):
        for member in node.members:
            if member.name in value:
                check(member.node, value[member.name], f"{path}.{member.name}" if path else member.name)
    elif isinstance(node, Choice):
        inner = next((member.node for member in node.members if member.name == value[0]), None)
        if inner is not None:
            check(inner, value[1], f"{path}.{value[0]}" if path else value[0])
    else:
        _check_list(node, value, path)


def _check_leaf(leaf: Leaf, value: Any, path: str) -> None:
    if leaf.kind == "integer" and not leaf.low <= value <= leaf.low + leaf.limit:
        raise OutOfRangeError(path, value, leaf.low, leaf.low + leaf.limit)


def _check_list(node: Listing, value: Any, path: str) -> None:
    if not node.low <= len(value) <= node.high:
        raise OutOfRangeError(f"{path} (length)", len(value), node.low, node.high)
    if node.kind == "list":
        for number, element in enumerate(value):
            check(node.element, element, f"{path}[{number}]")


def _known(node: Node, value: Any) -> Any:
    if isinstance(node, Record):
        kept = {member: value[member.name] for member in node.members if member.name in value}
        return {
            member.name: _known(member.node, inner)
            for member, inner in kept.items()
            if inner is not None or not member.is_optional
        }
    if isinstance(node, Choice):
        inner = next(member.node for member in node.members if member.name == value[0])
        return value[0], _known(inner, value[1])
    if isinstance(node, Listing) and node.kind == "list":
        return [_known(node.element, element) for element in value]
    return node.names[0] if isinstance(node, Leaf) and value is None else value
