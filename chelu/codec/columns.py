"""Chelu's column format: a `Batch` with a JSON header as one byte string that a browser reads as typed arrays without copying.

For the live picture and for batches over HTTP. The layout is documented in docs/formats/columns.md.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import MalformedError
from chelu.messages import Batch, DropReason

MAGIC = b"CHCL"
VERSION = 1
_FIXED = struct.Struct("<4sHHII")  # magic, version, reserved, length of the JSON, rows
_TYPE = re.compile(r"\|b1|\|[iu]1|<[iu][248]|<f[48]|\|S([1-9][0-9]{0,4})")
_ALIGNMENT = 8


def pack(batch: Batch, header: Mapping[str, Any]) -> bytes:
    """`batch` and a JSON-able `header` as bytes; text becomes fixed-width UTF-8. TypeError for other columns."""
    arrays = {name: _wire_array(name, column) for name, column in batch.columns.items()}
    described, offset = [], 0
    for name, array in arrays.items():
        described.append({"name": name, "type": array.dtype.str, "offset": offset})
        offset += _aligned(array.nbytes)
    text = json.dumps({"columns": described, "header": dict(header)}, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    encoded = text.encode()
    start = _FIXED.pack(MAGIC, VERSION, 0, len(encoded), len(batch))
    return b"".join([_padded(start + encoded), *(_padded(array.tobytes()) for array in arrays.values())])


def unpack(data: bytes) -> tuple[Batch, dict[str, Any]]:
    """The batch (its arrays are read-only views of `data`, text columns decoded) and the header.

    Raises MalformedError with reason truncated, overlong, wrong_version or undecodable.
    """
    if len(data) < _FIXED.size:
        raise MalformedError(DropReason.TRUNCATED, f"{len(data)} bytes where the fixed part alone takes {_FIXED.size}")
    magic, version, _, length, rows = _FIXED.unpack_from(data)
    if magic != MAGIC:
        raise MalformedError(DropReason.UNDECODABLE, f"starts with {magic!r}, not {MAGIC!r}")
    if version != VERSION:
        raise MalformedError(DropReason.WRONG_VERSION, f"version {version}; this reader knows {VERSION}")
    described, header = _parse(data[_FIXED.size : _FIXED.size + length], length)
    base = _aligned(_FIXED.size + length)
    columns = {name: _column(data, base, rows, name, kind, offset) for name, kind, offset in described}
    expected = base + sum(_aligned(np.dtype(kind).itemsize * rows) for _, kind, _ in described)
    if len(data) > expected:
        raise MalformedError(DropReason.OVERLONG, f"{len(data)} bytes where the columns end at {expected}")
    return Batch(columns), header


def _parse(text: bytes, length: int) -> tuple[list[tuple[str, str, int]], dict[str, Any]]:
    if len(text) < length:
        raise MalformedError(DropReason.TRUNCATED, f"the JSON should be {length} bytes, {len(text)} are there")
    try:
        document = json.loads(text)
        described = [(str(one["name"]), str(one["type"]), int(one["offset"])) for one in document["columns"]]
        header = dict(document["header"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedError(DropReason.UNDECODABLE, f"the JSON cannot be read: {error}") from None
    return described, header


def _column(data: bytes, base: int, rows: int, name: str, kind: str, offset: int) -> npt.NDArray[Any]:
    if not _TYPE.fullmatch(kind) or offset < 0 or offset % _ALIGNMENT:
        raise MalformedError(DropReason.UNDECODABLE, f"column {name!r} has type {kind!r} at offset {offset}")
    dtype = np.dtype(kind)
    stop = base + offset + dtype.itemsize * rows
    if stop > len(data):
        raise MalformedError(DropReason.TRUNCATED, f"column {name!r} ends at byte {stop} of {len(data)}")
    array = np.frombuffer(data, dtype, rows, base + offset)
    return _text(name, array) if dtype.kind == "S" else array


def _text(name: str, array: npt.NDArray[np.bytes_]) -> npt.NDArray[np.str_]:
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(DropReason.UNDECODABLE, f"column {name!r} is not UTF-8: {error}") from None


def _wire_array(name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if column.dtype.kind == "U":
        column = np.char.encode(column, "utf-8")
    dtype = column.dtype.newbyteorder("<")
    if dtype.kind == "S" and not dtype.itemsize:
        dtype = np.dtype("S1")
    if not _TYPE.fullmatch(dtype.str):
        raise TypeError(f"column {name!r} has type {column.dtype}, which the column format cannot hold")
    return np.ascontiguousarray(column, dtype)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _padded(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data)), b"\0")
