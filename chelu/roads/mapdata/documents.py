"""Finds the MAP messages in a file, whoever wrote it.

A file holds one frame in UPER; or frames in hexadecimal, one a line; or JSON: a message with Chelu's names, or with those of the
ASN.1 module (T/ITS 0117, OpenV2X), alone, in a list, or as ``map`` beside ``mapSlice`` and ``eTag``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chelu.codec import cv2x
from chelu.codec.cv2x_asn_json import frame_of
from chelu.codec.cv2x_spec import KINDS
from chelu.errors import CheluError, MalformedError, NotAllowedError
from chelu.messages import DropReason

Json = dict[str, Any]
MAP = KINDS.index("map")
_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
MOST_BYTES = 64 << 20


def read(data: bytes, file: str) -> list[Json]:
    """The messages as `chelu.codec.cv2x.to_json` has them; MalformedError names the file and what in it is wrong."""
    if len(data) > MOST_BYTES:
        raise MalformedError(DropReason.OVERLONG, f"{file}: {len(data)} bytes, at most {MOST_BYTES} are read as MAP messages")
    text = data.strip()
    frames = _of_json(text, file) if text[:1] in {b"{", b"["} else _of_bytes(data, file)
    found = [_shown(frame, where) for frame, where in frames]
    if not found:
        raise MalformedError(DropReason.UNDECODABLE, f"{file}: there is no MAP message in it")
    return found


def is_map(data: bytes) -> bool:
    """Whether these bytes look like MAP messages in one of the ways that are read."""
    head = data.lstrip()[:1]
    if head in {b"{", b"["}:
        return b'"nodes"' in data or b'"map"' in data
    is_hex = len(data) >= 4 and set(data[:256]) <= _HEX
    return data.strip()[:1] == b"1" if is_hex else bool(data) and data[0] >> 4 == MAP


def _of_bytes(data: bytes, file: str) -> Iterator[tuple[bytes, str]]:
    if not set(data) <= _HEX:
        yield data, file
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                yield bytes.fromhex(line.decode().strip()), f"{file}:{number}"
            except ValueError as error:
                raise MalformedError(DropReason.UNDECODABLE, f"{file}:{number}: {error}") from None


def _of_json(text: bytes, file: str) -> Iterator[tuple[bytes, str]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(DropReason.UNDECODABLE, f"{file}: not JSON: {error}") from None
    for row, one in enumerate(document if isinstance(document, list) else [document]):
        where = f"{file}: [{row}]" if isinstance(document, list) else file
        try:
            yield _frame(one), where
        except (CheluError, ValueError) as error:
            raise MalformedError(DropReason.UNDECODABLE, f"{where}: {error}") from None


def _frame(document: Any) -> bytes:
    """The frame of one document."""
    if not isinstance(document, Mapping):
        raise NotAllowedError("(document)", document, "an object")
    inner = document.get("map", document.get("mapFrame"))
    if isinstance(inner, str):
        return bytes.fromhex(inner) if set(inner.encode()) <= _HEX else b""
    if isinstance(inner, Mapping):
        return _frame(inner)
    if document.get("message") == "map":
        return cv2x.from_json(document)
    return frame_of("map", {"msgCnt": 0, **document})


def _shown(frame: bytes, where: str) -> Json:
    if not frame or frame[0] >> 4 != MAP:
        raise MalformedError(DropReason.UNDECODABLE, f"{where}: the frame is no MAP")
    try:
        return cv2x.to_json(frame)
    except MalformedError as error:
        raise MalformedError(error.reason, f"{where}: {error.detail}") from None
