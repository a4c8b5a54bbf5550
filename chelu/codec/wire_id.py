"""The 8 bytes that stand for a device on the air, for those that have a name only."""

from __future__ import annotations

import hashlib

ID_BYTES = 8


def wire_id(device: str) -> bytes:
    """A device's id in envelopes and RSMs when none is configured: its name, or a hash of a longer one."""
    name = device.encode("utf-8", "replace")
    return name.ljust(ID_BYTES, b"\0") if len(name) <= ID_BYTES else hashlib.blake2b(name, digest_size=ID_BYTES).digest()


def wire_number(device: str) -> int:
    """The same as the number that columns hold."""
    return int.from_bytes(wire_id(device), "big")
