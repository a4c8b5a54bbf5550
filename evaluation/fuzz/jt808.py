"""Frames of JT/T 808 made wrong, and what must be true of their decoding whatever they are."""

from __future__ import annotations

import struct
from random import Random

from chelu.codec import jt808
from chelu.codec.jt808_frame import MARK, check_of, escape
from chelu.codec.jt808_parts import parts_of
from chelu.codec.jt808_talk import Say
from chelu.messages import frames_of

ALONE = 500  # one frame of so many is decoded by itself, too
MOST_PIECE = 200  # bytes of a part's body
FLAGS = (0, 0, 0, 0, 0, 0, 0, 0, 0x0400, 0x2000, 0x8000)
PHONE = bytes.fromhex("00000000000000000808")


def frames(random: Random, count: int, edition: int) -> list[bytes]:
    """Sound locations and batches of them, some in parts, most damaged afterwards; half of these get a right check again."""
    return [_message(random, edition) for _ in range(count)]


def check(batch: list[bytes], random: Random) -> list[str]:
    """Decode a batch; returns the verdict on each. AssertionError with a sentence when something is not as it must be."""
    decoded = jt808.decode(frames_of(batch, 0))
    places = decoded.rows["frame"].tolist()
    found = dict.fromkeys(places, "report") | dict.fromkeys(decoded.others, "other")
    rejects = decoded.rejects
    for place, reason, detail in zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True):
        found[place] = f"{'partly ' if place in found else ''}{reason}: {detail}"
    if len(found) != len(batch) or not all(rejects.detail):
        raise AssertionError("every frame is rows, a reject with a sentence, both or another message")
    _must_come_back(batch, decoded, set(places) - set(rejects.index.tolist()))
    for index in range(0, len(batch), ALONE):
        at = min(len(batch) - 1, index + random.randrange(ALONE))
        if len(jt808.decode(frames_of([batch[at]], 0)).rows) != places.count(at):
            raise AssertionError(f"neighbours change nothing: {batch[at].hex()}")
    return [found[place] for place in range(len(batch))]


def _must_come_back(batch: list[bytes], decoded: jt808.Decoded, whole: set[int]) -> None:
    """Byte for byte: what is accepted whole, from its locations up."""
    bodies: dict[int, list[bytes]] = {}
    places = decoded.rows["frame"].tolist()
    by_row = decoded.locations.bodies()
    for place, body in zip(places, by_row, strict=True):
        bodies.setdefault(place, []).append(body)
    messages = dict(zip(places, decoded.messages, strict=True))
    for place in whole:
        message = messages[place]
        is_batch = message.message == Say.BATCH
        body = jt808.batch_body(message.body[2], bodies[place]) if is_batch else bodies[place][0]
        again = b"".join(part.encode() for part in parts_of(batch[place]))
        if message.body != body or again != batch[place]:
            raise AssertionError(f"byte for byte: {batch[place].hex()}")
    alone = decoded.alone(frames_of(batch, 0))
    for row in range(0, len(alone), ALONE):
        if jt808.decode(frames_of([alone[row]], 0)).locations.bodies() != [by_row[row]]:
            raise AssertionError(f"a location alone is the same: {alone[row].hex()}")


def location(random: Random) -> bytes:
    """A body with random numbers, mostly sound."""
    body = random.randbytes(28)
    for _ in range(random.randint(0, 4)):
        value = random.randbytes(random.choice([0, 1, 2, 4, 8]))
        body += bytes([random.choice([1, 2, 3, 0x30, 0xE1]), len(value)]) + value
    return body if random.random() < 0.95 else body[: random.randrange(len(body))]


def locations(random: Random) -> bytes:
    """A batch's body, mostly sound."""
    bodies = [location(random) for _ in range(random.choice([0, 1, 2, 5, 20]))]
    body = jt808.batch_body(random.choice([0, 1, 1, 9]), bodies)
    return body if random.random() < 0.8 else body[: random.randrange(len(body))] + random.randbytes(random.randint(0, 3))


def _message(random: Random, edition: int) -> bytes:
    kind = random.choice([0x0200, 0x0200, 0x0200, 0x0704, 0x0704, 0x0002])
    body = locations(random) if kind == Say.BATCH else location(random)
    pieces = [body[at : at + MOST_PIECE] for at in range(0, len(body), MOST_PIECE)] or [b""]
    if len(pieces) == 1:
        return damaged(random, head(random, edition, kind, len(body), random.choice(FLAGS)) + body)
    whole = [
        framed(head(random, edition, kind, len(piece), 0x2000, serial=place) + struct.pack(">HH", len(pieces), place + 1) + piece)
        for place, piece in enumerate(pieces)
    ]
    if random.random() < 0.3:
        random.shuffle(whole)
    return b"".join(whole) if random.random() < 0.7 else b"".join(whole[:-1]) + damaged(random, whole[-1][1:-2])


def head(random: Random, edition: int, kind: int, length: int, flags: int, *, serial: int = 7) -> bytes:
    """A header of a phone that is PHONE's, mostly, without the numbers of parts."""
    is_2019 = edition == 2019
    phone = PHONE[0 if is_2019 else 4 :] if random.random() < 0.9 or flags & 0x2000 else random.randbytes(10 if is_2019 else 6)
    properties = (length & 0x3FF) | flags | (0x4000 if is_2019 else 0)
    return struct.pack(">HH", kind, properties) + (b"\x01" if is_2019 else b"") + phone + struct.pack(">H", serial)


def framed(inner: bytes) -> bytes:
    """With a right check."""
    return MARK + escape(inner + bytes([check_of(inner)])) + MARK


def damaged(random: Random, inner: bytes) -> bytes:
    """A frame with something wrong, mostly."""
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
    check_byte = bytes([check_of(bytes(data)) if is_checked and data else random.randrange(256)])
    return MARK + (escape(bytes(data) + check_byte) if random.random() < 0.9 else bytes(data) + check_byte) + MARK
