"""How records and the release cursor lie on disk: bytes with a check, so that what is torn is known to be."""

from __future__ import annotations

import struct
import zlib

RECORD = struct.Struct("<II")
NUMBER = struct.Struct("<Q")
SLOT = struct.Struct("<QI")  # the release cursor is kept twice, written in turn: one of the two is always whole


def crc(record: bytes, sequence: int) -> int:
    """The check of a record, its number included."""
    return zlib.crc32(record, zlib.crc32(NUMBER.pack(sequence)))


def encode(sequence: int, record: bytes) -> bytes:
    """A record as it is written."""
    return RECORD.pack(len(record), crc(record, sequence)) + record


def record_end(data: bytes, offset: int, sequence: int) -> int | None:
    """Where the record at `offset` ends, or None when it is torn or not the one expected."""
    body = offset + RECORD.size
    if body > len(data):
        return None
    length, check = RECORD.unpack_from(data, offset)
    end: int = body + length
    if end > len(data) or crc(data[body:end], sequence) != check:
        return None
    return end


def encode_slot(released: int) -> bytes:
    """The release cursor as it is written."""
    number = NUMBER.pack(released)
    return number + struct.pack("<I", zlib.crc32(number))


def highest_slot(data: bytes) -> int:
    """The higher of the two slots that are whole; 0 when neither is (then old records are handed on once more)."""
    whole = [0]
    for offset in range(0, len(data) - SLOT.size + 1, SLOT.size):
        number, check = SLOT.unpack_from(data, offset)
        if zlib.crc32(NUMBER.pack(number)) == check:
            whole.append(number)
    return max(whole)
