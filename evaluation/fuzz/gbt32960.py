"""Frames of GB/T 32960 made wrong, and what must be true of their decoding whatever they are."""

from __future__ import annotations

import struct
from random import Random

import numpy as np

from chelu.codec import gbt32960
from chelu.codec.gbt32960_frame import STARTS, check_of
from chelu.codec.gbt32960_report import write
from chelu.codec.gbt32960_spec import ITEMS, Counted, Fixed, Layout
from chelu.messages import frames_of
from evaluation.fuzz.must import must

ALONE = 500  # one frame of so many is decoded by itself, too
MOST_ELEMENTS = 4


def frames(random: Random, count: int, edition: int) -> list[bytes]:
    """Sound reports, most of them damaged afterwards; of the damaged two thirds get a right check and length again."""
    return [damaged(random, report(random, edition)) for _ in range(count)]


def check(batch: list[bytes], random: Random) -> list[str]:
    """Decode a batch; returns the verdict on each. AssertionError with a sentence when something is not as it must be."""
    decoded = gbt32960.decode(frames_of(batch, 0))
    rejects = decoded.rejects
    found = dict.fromkeys(decoded.rows["frame"].tolist(), "report") | dict.fromkeys(decoded.others, "other")
    must(found.keys().isdisjoint(rejects.index.tolist()), "no frame is both a row and a reject")
    found |= {
        place: f"{reason}: {detail}"
        for place, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True)
    }
    must(len(found) == len(batch), "every frame is a row, a reject or another command")
    must(all(rejects.detail), "every reject has a sentence")
    again = write(decoded.parsed.reports)
    for row, frame in enumerate(decoded.rows["frame"].tolist()):
        must(again.frame(row) == batch[frame], f"byte for byte: {batch[frame].hex()}")
    must(len(decoded.details()) == len(decoded.rows), "every row has its details")
    for index in range(0, len(batch), ALONE):
        at = min(len(batch) - 1, index + random.randrange(ALONE))
        alone = gbt32960.decode(frames_of([batch[at]], 0))
        is_row = bool(np.isin(at, decoded.rows["frame"]))
        must(is_row == (len(alone.rows) == 1), f"neighbours change nothing: {batch[at].hex()}")
    return [found[place] for place in range(len(batch))]


def report(random: Random, edition: int) -> bytes:
    """A sound one, of random items with random numbers."""
    codes = random.sample(list(ITEMS[edition]), random.randint(0, 6))
    body = b"".join(bytes([code]) + _item(random, ITEMS[edition][code][1]) for code in codes)
    if random.random() < 0.2:
        own = random.randbytes(random.randint(0, 20))
        body += bytes([random.randint(0x80, 0xFE)]) + struct.pack(">H", len(own)) + own
    time = bytes([random.randint(0, 99), random.randint(1, 12), random.randint(1, 28), 12, 30, 0])
    return framed(edition, random.choice([2, 2, 2, 3]), time + body)


def framed(edition: int, command: int, data: bytes) -> bytes:
    """A frame with right length and check."""
    head = bytes([command, 0xFE]) + b"LFUZZ000000000001" + b"\x01" + struct.pack(">H", len(data))
    return STARTS[edition] + head + data + bytes([check_of(head + data)])


def _item(random: Random, layout: Layout) -> bytes:
    found = b""
    for part in layout:
        if isinstance(part, Fixed):
            found += random.randbytes(part.width)
        else:
            found += _list(random, part)
    return found


def _list(random: Random, part: Counted) -> bytes:
    count = random.choice([0, 1, 1, 2, MOST_ELEMENTS])
    return count.to_bytes(part.count_bytes, "big") + b"".join(_item(random, part.element) for _ in range(count))


def damaged(random: Random, frame: bytes) -> bytes:
    """A frame with something wrong, mostly."""
    kind = random.randrange(8)
    if kind == 0:
        return frame
    if kind == 1:
        return random.randbytes(random.randint(0, 80))
    data = _damage(random, kind, bytearray(frame[24:-1]))
    if random.random() < 2 / 3:
        return framed({b"##": 2016, b"$$": 2025}[frame[:2]], frame[2], data)
    return frame[:24] + data + frame[-1:]


def _damage(random: Random, kind: int, data: bytearray) -> bytes:
    at = random.randint(0, len(data))
    if kind == 2:
        del data[at:]
    elif kind == 3:
        data[at:at] = random.randbytes(random.randint(1, 9))
    elif kind == 4 and data:
        data[min(at, len(data) - 1)] ^= 1 << random.randrange(8)
    elif kind == 5:
        data[at:at] = data[: random.randint(0, len(data))]
    elif kind == 6 and data:
        data[min(at, len(data) - 1)] = random.choice([0, 0xFD, 0xFE, 0xFF])
    return bytes(data)
