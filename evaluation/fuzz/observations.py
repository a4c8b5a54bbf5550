"""Observations made wrong, and what must be true of their reading whatever they are."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import numpy as np

from chelu.codec.observations import QUALITIES, Decoded, read
from chelu.messages import OBSERVATION, frames_of
from chelu.quantities import QUANTITIES, by_code
from evaluation.fuzz.must import must
from evaluation.fuzz.strange import damaged

ALONE = 500  # one message of so many is read by itself, too
REFERENCE_US = 1_700_000_000_000_000
UNITS = ("degC", "%", "km", "m/s", "µg/m³", "1/h", "dB", "K", "m**99", "x")


def frames(random: Random, count: int) -> list[bytes]:
    """Messages with one observation or several; of some units and values are wrong, most are damaged afterwards."""
    return [damaged(random, _document(random)) for _ in range(count)]


def check(batch: list[bytes], random: Random) -> list[str]:
    """Read a batch; returns the verdict on each. AssertionError when something is not as it must be."""
    decoded = read(frames_of(batch, REFERENCE_US))
    _check_rows(decoded)
    refused = Counter(decoded.rejects.index.tolist())
    rows = np.bincount(decoded.rows["frame"], minlength=len(batch))
    for index, payload in enumerate(batch):
        must(rows[index] + refused[index] > 0, f"each message is rows or refused: {payload!r}")
        most = _samples(payload)
        must(rows[index] + refused[index] <= max(1, most), f"no sample twice: {payload!r}")
    for index in range(0, len(batch), ALONE):
        _check_alone(decoded, batch, min(len(batch) - 1, index + random.randrange(ALONE)))
    reasons = dict(zip(decoded.rejects.index.tolist(), map(str, decoded.rejects.reason), strict=True))
    return [("in part" if frame in reasons else "observation") if rows[frame] else reasons[frame] for frame in range(len(batch))]


def _check_rows(decoded: Decoded) -> None:
    rows = decoded.rows
    types = {name: column.dtype for name, column in rows.columns.items() if name != "frame"}
    must(types == OBSERVATION.dtypes(), "rows have the columns of the stream")
    must(all(decoded.rejects.detail), "every refusal has a sentence")
    known = [by_code()[code] for code in rows["quantity"].tolist()]
    low, high = (np.array([getattr(one, bound) for one in known], np.float64) for bound in ("low", "high"))
    with np.errstate(invalid="ignore"):
        must(not bool(((rows["value"] < low) | (rows["value"] > high)).any()), "values are within their quantity's range")
    must(bool((rows["quality"] < len(QUALITIES)).all()), "qualities are known")


def _samples(payload: bytes) -> int:
    """How many samples a message has at most, counted the plain way."""
    try:
        document = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return 1
    parts = document.get("observations") if isinstance(document, dict) else None
    shared = document.get("values") if isinstance(document, dict) else None
    several = parts if isinstance(parts, list) else [document]
    values = [one.get("values", shared) if isinstance(one, dict) else None for one in several]
    return sum(max(1, len(one)) if isinstance(one, list) else 1 for one in values)


def _check_alone(decoded: Decoded, batch: list[bytes], at: int) -> None:
    alone = read(frames_of([batch[at]], REFERENCE_US)).rows
    mine = decoded.rows.take(decoded.rows["frame"] == at)
    for name in OBSERVATION.dtypes():
        same = np.array_equal(mine[name], alone[name], equal_nan=mine[name].dtype.kind == "f")
        must(same, f"neighbours change nothing in {name}: {batch[at]!r}")


def _document(random: Random) -> dict[str, Any]:
    if random.random() < 0.5:
        return _part(random)
    return {"time_us": REFERENCE_US, "observations": [_part(random) for _ in range(random.randint(1, 4))]}


def _part(random: Random) -> dict[str, Any]:
    quantity = random.choice(QUANTITIES)
    spread = (quantity.high - quantity.low) * (1.1 if random.random() < 0.1 else 1)
    values = [round(quantity.low + random.random() * spread, 6) for _ in range(random.choice([1, 1, 2, 5]))]
    part: dict[str, Any] = {"quantity": quantity.name, "quality": random.choice(QUALITIES), "channel": random.randint(0, 9)}
    if random.random() < 0.3:
        part["unit"] = random.choice(UNITS)
    elif random.random() < 0.5:
        part["unit"] = quantity.unit
    if len(values) == 1:
        return {**part, "value": values[0], "time": "2023-11-14T22:13:20Z"}
    return {**part, "values": values, "start_us": REFERENCE_US, "step_us": 1_000_000}
