"""OpenV2X messages made wrong, and what must be true of their reading whatever they are."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np

from chelu.codec.openv2x import NUMBERS, read_rsm
from chelu.codec.openv2x_rsi import SOURCES, read_rsi
from chelu.codec.roadside import AS_WRITTEN, Decoded, Reading
from chelu.messages import PARTICIPANT, frames_of
from evaluation.fuzz.must import must
from evaluation.fuzz.strange import damaged

ALONE = 500  # one message of so many is read by itself, too
REFERENCE_US = 1_700_000_000_000_000
READINGS = (AS_WRITTEN, Reading(is_heading_mirrored=True), Reading(speed_factor=0.5))


def frames(random: Random, count: int) -> list[bytes]:
    """RSMs and RSIs, a third of them sound; the others with strange values, or damaged as text."""
    return [damaged(random, _rsm(random) if random.random() < 0.7 else _rsi(random)) for _ in range(count)]


def check(batch: list[bytes], random: Random) -> list[str]:
    """Read a batch by both readers; returns the verdict on each. AssertionError when something is not as it must be."""
    frames = frames_of(batch, REFERENCE_US)
    readings = [READINGS[index % len(READINGS)] for index in range(len(batch))]
    rsm, rsi = read_rsm(frames, readings), read_rsi(frames, readings)
    must(len(rsi.messages) + len(rsi.rejects) == len(batch), "every message is an RSI or refused as one")
    must(all(rsm.rejects.detail) and all(rsi.rejects.detail), "every refusal has a sentence")
    for message in rsi.messages:
        json.dumps(message.value, allow_nan=False)
    _check_rows(rsm)
    _check_counts(rsm, batch)
    for index in range(0, len(batch), ALONE):
        at = min(len(batch) - 1, index + random.randrange(ALONE))
        _check_alone(rsm, batch, readings, at)
    return _verdicts(rsm, rsi, len(batch))


def _verdicts(rsm: Decoded, rsi: Decoded, count: int) -> list[str]:
    """One for each message: what it was taken for, or why neither reader took it."""
    said = {message.frame: "rsi" for message in rsi.messages}
    refused = dict(zip(rsm.rejects.index.tolist(), map(str, rsm.rejects.reason), strict=True))
    has_rows = set(rsm.participant["frame"].tolist())
    for frame in range(count):
        if frame in has_rows:
            said[frame] = "rsm in part" if frame in refused else "rsm"
    return [said.get(frame) or refused.get(frame, "empty rsm") for frame in range(count)]


def _check_rows(decoded: Decoded) -> None:
    rows = decoded.participant
    types = {name: column.dtype for name, column in rows.columns.items() if name != "frame"}
    must(types == PARTICIPANT.dtypes(), "rows have the columns of an RSM")
    must(bool((np.diff(rows["frame"]) >= 0).all()), "rows are in the order of their messages")
    with np.errstate(invalid="ignore"):
        for name, low, high in (("heading_deg", 0, 360), ("latitude_deg", -90, 90), ("speed_mps", 0, 164), ("width_m", 0, 10.3)):
            must(not bool(((rows[name] < low) | (rows[name] > high)).any()), f"{name} is within {low} … {high}")


def _check_counts(decoded: Decoded, batch: list[bytes]) -> None:
    """Of a message that is one, each participant is a row or refused."""
    rows = np.bincount(decoded.participant["frame"], minlength=len(batch))
    refused = np.bincount(decoded.rejects.index, minlength=len(batch))
    for index, payload in enumerate(batch):
        if (expected := _participants(payload)) is not None:
            must(rows[index] + refused[index] == expected, f"each participant once: {payload!r}")
        else:
            must((rows[index], refused[index]) == (0, 1), f"what is no RSM is refused once: {payload!r}")


def _participants(payload: bytes) -> int | None:
    """How many participants a message has; None when it is no RSM. Read the plain way."""
    try:
        document = json.loads(payload.decode(), parse_constant=lambda _: 1 / 0)
        body = document.get("content") or document
        lists = [rsm["participants"] for rsm in body["rsms"]] if isinstance(body["rsms"], list) else None
    except (ValueError, RecursionError, ZeroDivisionError, KeyError, TypeError, AttributeError):
        return None
    if lists is None or not all(isinstance(one, list) for one in lists):
        return None
    return sum(map(len, lists))


def _check_alone(decoded: Decoded, batch: list[bytes], readings: list[Reading], at: int) -> None:
    alone = read_rsm(frames_of([batch[at]], REFERENCE_US), [readings[at]])
    mine = decoded.participant.take(decoded.participant["frame"] == at)
    for name in PARTICIPANT.dtypes():
        same = np.array_equal(mine[name], alone.participant[name], equal_nan=mine[name].dtype.kind == "f")
        must(same, f"neighbours change nothing in {name}: {batch[at]!r}")


def _rsm(random: Random) -> Any:
    rsms = [
        {"refPos": {}, "participants": [_participant(random) for _ in range(random.choice([0, 1, 2, 5]))]}
        for _ in range(random.choice([1, 1, 2]))
    ]
    return {"rsms": rsms} if random.random() < 0.3 else {"id": "R328328", "content": {"rsms": rsms}}


def _participant(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"ptcType": random.choice(["motor", "non-motor", "pedestrian", 0, 4])}
    for spec in NUMBERS:
        if spec.is_required or random.random() < 0.7:
            outer, _, inner = spec.path.partition(".")
            value = random.randint(int(spec.low), int(spec.high))
            if inner:
                found.setdefault(outer, {})[inner] = value
            else:
                found[outer] = value
    return found


def _rsi(random: Random) -> Any:
    event = {
        "alertID": str(random.randint(0, 99)),
        "eventType": random.randint(0, 65535),
        "eventSource": random.choice(SOURCES),
        "eventPosition": [{"lat": 295600000, "lon": 1065500000}],
        "eventPriority": random.randint(0, 7),
    }
    return {"rsi": event} if random.random() < 0.5 else {"rsiDatas": [event] * random.randint(1, 3)}
