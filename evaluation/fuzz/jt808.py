"""Frames of JT/T 808 made wrong, and what must be true of their decoding whatever they are."""

from __future__ import annotations

import struct
from collections import Counter
from random import Random

from chelu.codec import jt808
from chelu.codec.jt808_frame import MARK, check_of, escape
from chelu.messages import frames_of

ALONE = 500  # one frame of so many is decoded by itself, too


def frames(random: Random, count: int) -> list[bytes]:
    """Sound location reports, most of them damaged afterwards; half of these get a right check again."""
    return [_damaged(random, _inner(random)) for _ in range(count)]


def check(batch: list[bytes], random: Random) -> Counter[str]:
    """Decode a batch; returns how often each verdict came. AssertionError with a sentence when something is not as it must be."""
    decoded = jt808.decode(frames_of(batch, 0))
    verdicts = Counter(map(str, decoded.rejects.reason))
    verdicts["report"], verdicts["other"] = len(decoded.rows), len(decoded.others)
    if sum(verdicts.values()) != len(batch) or not all(decoded.rejects.detail):
        raise AssertionError("every frame is a row, a reject with a sentence or another message")
    bodies = decoded.locations.bodies()
    places = decoded.rows["frame"].tolist()
    for row, (place, message) in enumerate(zip(places, decoded.messages, strict=True)):
        if message.body != bodies[row] or message.encode() != batch[place]:
            raise AssertionError(f"byte for byte: {batch[place].hex()}")
    rows = set(places)
    for index in range(0, len(batch), ALONE):
        at = min(len(batch) - 1, index + random.randrange(ALONE))
        if (len(jt808.decode(frames_of([batch[at]], 0)).rows) == 1) != (at in rows):
            raise AssertionError(f"neighbours change nothing: {batch[at].hex()}")
    return verdicts


def _inner(random: Random) -> bytes:
    body = random.randbytes(28)
    for _ in range(random.randint(0, 4)):
        value = random.randbytes(random.choice([0, 1, 2, 4, 8]))
        body += bytes([random.choice([1, 2, 3, 0x30, 0xE1]), len(value)]) + value
    is_2019 = random.random() < 0.5
    flags = random.choice([0, 0, 0, 0, 0x0400, 0x2000, 0x8000])
    head = struct.pack(">HH", random.choice([0x0200, 0x0200, 0x0200, 0x0002]), len(body) | flags | (0x4000 if is_2019 else 0))
    return head + (b"\x01" if is_2019 else b"") + random.randbytes(10 if is_2019 else 6) + b"\x00\x07" + body


def _damaged(random: Random, inner: bytes) -> bytes:
    kind, data = random.randrange(6), bytearray(inner)
    at = random.randrange(len(data))
    if kind == 1:
        del data[at:]
    elif kind == 2:
        data[at:at] = random.randbytes(random.randint(1, 5))
    elif kind == 3:
        data[at] ^= 1 << random.randrange(8)
    elif kind == 4:
        return random.randbytes(random.randint(0, 60))
    is_checked = kind == 0 or random.random() < 0.5
    check_byte = bytes([check_of(bytes(data)) if is_checked else random.randrange(256)])
    return MARK + (escape(bytes(data) + check_byte) if random.random() < 0.9 else bytes(data) + check_byte) + MARK
