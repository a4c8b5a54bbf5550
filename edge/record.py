"""A record of the spool: one message as it will be published, with what is needed to account for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from chelu.errors import MalformedError

_HEAD = struct.Struct("<BHqB")  # version, frames, hearing time in µs UTC, length of the stream's name
VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A message on its stream's topic; frames: MessageFrames inside (0 in JSON); heard_us: of the first of them."""

    stream: str
    heard_us: int
    frames: int
    payload: bytes

    def encode(self) -> bytes:
        name = self.stream.encode()
        return _HEAD.pack(VERSION, self.frames, self.heard_us, len(name)) + name + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Record:
        """Raises MalformedError for bytes of another version, or of none."""
        if len(data) < _HEAD.size or data[0] != VERSION:
            raise MalformedError("wrong_version", f"a spool record starts with {data[:1].hex() or 'nothing'}")
        _, frames, heard_us, length = _HEAD.unpack_from(data)
        end = _HEAD.size + length
        return cls(data[_HEAD.size : end].decode("utf-8", "replace"), heard_us, frames, data[end:])
