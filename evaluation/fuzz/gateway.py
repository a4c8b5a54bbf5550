"""Connections full of wrong frames, in pieces of any size, and what must be true of the gateway's answers whatever they are."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from chelu.codec import gbt32960_frame, jt808_frame
from chelu.codec.gbt32960_frame import Answer, Command, Encryption, Frame, encode_time
from chelu.codec.jt808_talk import Registration, Say, encode_authentication
from edge.vehicles.codes import Codes
from edge.vehicles.directory import PHONE, VIN, Directory, key_of
from edge.vehicles.gbt32960 import Gbt32960
from edge.vehicles.jt808 import Jt808
from edge.vehicles.keys import Keys
from edge.vehicles.language import Language, Peer, Reaction
from evaluation.fuzz import gbt32960, jt808

NOW_US = 1_700_000_000_000_000
NAME = "LFUZZ000000000001"  # in the reports of `gbt32960`
PHONE_NUMBER = jt808.PHONE.hex().lstrip("0")
LOGIN = encode_time(NOW_US) + b"\0\1" + b"8" * 20 + b"\1\1P"
MOST_PER_CONNECTION = 40
MOST_WAITING = 70_000  # bytes: the longest frame there is, and a bit


def electric_frames(random: Random, count: int) -> list[bytes]:
    """Frames of GB/T 32960 of all commands, most of them damaged; some encrypted."""
    return [_electric(random) for _ in range(count)]


def terminal_frames(random: Random, count: int) -> list[bytes]:
    """Frames of JT/T 808 of all kinds, most of them damaged."""
    return [_terminal(random) for _ in range(count)]


def check_electric(batch: list[bytes], random: Random) -> list[str]:
    """Say the frames to a gateway that knows the VIN."""
    with tempfile.TemporaryDirectory() as directory:
        listed = Directory(_list(Path(directory), f"vin,device_id\n{NAME},car\n"), naming=VIN)
        language = Gbt32960(listed, lambda _: None, platforms={"a": "b"}, keys=Keys({}), replaces=True)
        return _said(language, batch, random, key_of(VIN, NAME), gbt32960_frame.Splitter)


def check_terminals(batch: list[bytes], random: Random) -> list[str]:
    """Say the frames to a gateway that knows the phone."""
    with tempfile.TemporaryDirectory() as directory:
        listed = Directory(_list(Path(directory), f"phone,device_id\n{PHONE_NUMBER},truck\n"), naming=PHONE)
        codes = Codes(Path(directory) / "codes")
        language = Jt808(listed, lambda _: None, codes=codes, keys=Keys({}), replaces=True)
        return _said(language, batch, random, key_of(PHONE, PHONE_NUMBER), jt808_frame.Splitter)


def _said(
    language: Language,
    batch: Sequence[bytes],
    random: Random,
    name: bytes,
    answers: type[gbt32960_frame.Splitter] | type[jt808_frame.Splitter],
) -> list[str]:
    """What the gateway did with each, over many connections; on some of them the vehicle is logged in."""
    verdicts: list[str] = []
    while len(verdicts) < len(batch):
        peer, splitter, reader = Peer(), language.splitter(), answers()
        if random.random() < 0.7:
            peer.vins[name] = "car"
        for frame in batch[len(verdicts) : len(verdicts) + random.randint(1, MOST_PER_CONNECTION)]:
            cut = random.randint(0, len(frame))
            raws = [raw for piece in (frame[:cut], frame[cut:]) for raw in splitter.feed(piece)]
            peer.edition = peer.edition if random.random() < 0.1 else None  # else hardly any frame would come further
            reactions = [language.take(peer, raw, NOW_US, float(len(verdicts))) for raw in raws]
            verdicts.append(_judged(language, reactions, reader))
            if splitter.waiting > MOST_WAITING:
                raise AssertionError(f"{splitter.waiting} bytes of a frame wait")
    language.tend(float(len(verdicts)))
    return verdicts


def _judged(language: Language, reactions: Sequence[Reaction], reader: gbt32960_frame.Splitter | jt808_frame.Splitter) -> str:
    """The last verdict. Every answer is a sound frame; what is kept has a device, and is judged."""
    said: list[str] = []
    for one in reactions:
        for answer in (one.reply, one.instead):
            if answer and (not list(reader.feed(answer)) or reader.damaged or reader.passed_over):
                raise AssertionError(f"an answer is a sound frame: {answer.hex()}")
        if one.keep and not one.device:
            raise AssertionError("what is kept is somebody's")
        faults = [fault.reason for fault in language.check([one.keep])] if one.keep else []
        said.append("+".join([one.reason or ("kept" if one.keep else "answered" if one.reply else "waits"), *faults]))
    return said[-1] if said else "no frame"


def _list(directory: Path, text: str) -> Path:
    file = directory / "list.csv"
    file.write_text(text, encoding="ascii")
    return file


def _electric(random: Random) -> bytes:
    edition = random.choice([2016, 2025])
    if random.random() < 0.5:
        return gbt32960.damaged(random, gbt32960.report(random, edition))
    command = random.choice([1, 1, 4, 5, 6, 7, 8, 9, 0x80, random.randrange(256)])
    encryption = random.choice([Encryption.NONE] * 8 + list(Encryption))
    vin = NAME.encode() if random.random() < 0.8 else random.randbytes(17)
    data = random.randbytes(random.choice([0, 5, 6, 8, 29, 41, 60]))
    if command == Command.LOGIN and random.random() < 0.5:
        data = LOGIN
    frame = Frame(edition, command, random.choice([Answer.REQUEST] * 9 + [Answer.OK]), vin, encryption, data).encode()
    return frame if random.random() < 0.7 else gbt32960.damaged(random, frame)


def _terminal(random: Random) -> bytes:
    edition = random.choice([2013, 2019])
    if random.random() < 0.5:
        return jt808.frames(random, 1, edition)[0]
    kind = random.choice([*Say, random.randrange(0x10000)])
    bodies = {
        Say.REGISTER: Registration(1, 2, "M", "X", "T", random.randrange(3), "LFUZZ").encode(edition),
        Say.AUTHENTICATE: encode_authentication(edition, random.randbytes(random.randint(0, 30))),
    }
    body = bodies.get(Say(kind), b"") if kind in set(Say) else random.randbytes(random.randint(0, 40))
    body = body if random.random() < 0.8 else body[: random.randint(0, len(body))]
    flags = random.choice([0, 0, 0, 0, 0x0400, 0x0800])
    return jt808.damaged(random, jt808.head(random, edition, kind, len(body), flags) + body)
