"""JT/T 808 location reports (0x0200, and batches of them, 0x0704) of 2013 and 2019 as rows of `chelu.messages.TELEMETRY`.

docs/formats/jt808.md says what is read how.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec.gbt32960 import NO_TIME_US, times_of
from chelu.codec.gbt32960_items import PADDING, runs
from chelu.codec.jt808_frame import Message
from chelu.codec.jt808_parts import read_whole, split
from chelu.codec.jt808_talk import Say
from chelu.errors import MalformedError
from chelu.messages import TELEMETRY, Batch, Column, DropReason, Frames, Rejects

FIXED = np.dtype(
    [
        ("alarm_flags", ">u4"),
        ("status_flags", ">u4"),
        ("latitude", ">u4"),
        ("longitude", ">u4"),
        ("altitude_m", ">u2"),
        ("speed", ">u2"),
        ("direction_deg", ">u2"),
        ("time", "u1", (6,)),
    ]
)
IS_ON, IS_FIXED, IS_SOUTH, IS_WEST = 1, 2, 4, 8  # status
MILEAGE, FUEL = 0x01, 0x02
MOST_SPEED = 2200  # 0.1 km/h
MOST_ITEMS = 256  # additional items of a location
BATCH_HEAD = 3  # bytes: how many locations, and of which kind
REISSUED = 1  # kind of a batch: from where there was no network


@dataclass(frozen=True, slots=True)
class Locations:
    """n location reports as on the wire: fixed (n,) `FIXED`; additional items in order: item_row, item_id (m,), values."""

    fixed: npt.NDArray[Any]
    item_row: npt.NDArray[np.int64]
    item_id: npt.NDArray[np.uint8]
    values: Sequence[bytes]

    def bodies(self) -> list[bytes]:
        """The bodies: the exact inverse of reading them."""
        found = [bytearray(record.tobytes()) for record in self.fixed]
        for row, code, value in zip(self.item_row.tolist(), self.item_id.tolist(), self.values, strict=True):
            found[row] += bytes([code, len(value)]) + value
        return [bytes(body) for body in found]


@dataclass(frozen=True, slots=True)
class Decoded:
    """As `chelu.codec.gbt32960.Decoded`; a batch has several rows with the same `frame`, and may have a reject beside them.

    messages: the message of each row, whole; others: sound messages of other kinds, by their id.
    """

    rows: Batch
    is_doubtful: npt.NDArray[np.bool_]
    others: Mapping[int, int]
    rejects: Rejects
    messages: Sequence[Message]
    locations: Locations

    def details(self) -> list[dict[str, Any]]:
        """For each row what no column holds: phone, altitude above the sea, and the additional items, numbers where known."""
        found: list[dict[str, Any]] = [
            {"phone": message.phone, "serial": message.serial, "altitude_m": int(record["altitude_m"])}
            for message, record in zip(self.messages, self.locations.fixed, strict=True)
        ]
        places = self.locations
        for row, code, value in zip(places.item_row.tolist(), places.item_id.tolist(), places.values, strict=True):
            if code == FUEL and len(value) == 2:
                found[row]["fuel_l"] = int.from_bytes(value) / 10
            else:
                found[row][f"item_{code:02x}"] = value.hex()
        return found

    def alone(self, frames: Frames) -> list[bytes]:
        """For each row the frame that holds it: as it came, or made anew around one location of a batch, under its header.

        A batch beside each of its rows would be kept as often as it has rows.
        """
        found = zip(self.rows["frame"].tolist(), self.messages, self.locations.bodies(), strict=True)
        return [
            frames.frame(place) if message.message == Say.LOCATION else single(message, body) for place, message, body in found
        ]


def single(batch: Message, body: bytes) -> bytes:
    """One location of a batch as a frame of its own, or as the frames of its parts."""
    return b"".join(part.encode() for part in split(replace(batch, message=int(Say.LOCATION), body=body)))


def batch_body(kind: int, bodies: Sequence[bytes]) -> bytes:
    """The body of a batch of locations; kind: 1 when they are sent again, 0 else. The inverse of `_locations_of`."""
    items = b"".join(len(body).to_bytes(2, "big") + body for body in bodies)
    return len(bodies).to_bytes(2, "big") + bytes([kind]) + items


@dataclass(slots=True)
class _Found:
    """Location bodies so far, and what was refused: place among the frames, reason, sentence."""

    bodies: list[bytes]
    places: list[int]
    messages: list[Message]
    refused: dict[int, tuple[DropReason, str]]


def decode(frames: Frames) -> Decoded:
    """Rows of location reports; each refused frame with its reason. A frame may be all parts of a long message, end to end."""
    found, others = _Found([], [], [], {}), dict[int, int]()
    for index in range(len(frames)):
        try:
            message = read_whole(frames.frame(index))
            if message.message in {Say.LOCATION, Say.BATCH}:
                _take(found, index, message)
            else:
                others[index] = message.message
        except MalformedError as error:
            found.refused[index] = DropReason(error.reason), error.detail
    locations, faults = read_bodies(found.bodies)
    for row in sorted(faults):
        found.refused.setdefault(found.places[row], faults[row])
    good = [row for row in range(len(found.bodies)) if row not in faults]
    kept = [found.messages[row] for row in good]
    rows, is_doubtful = _rows(locations, kept)
    batch = Batch({**rows, "frame": np.array([found.places[row] for row in good], np.int64)})
    order = sorted(found.refused)
    rejects = Rejects(
        np.array(order, np.int64), tuple(found.refused[i][0] for i in order), tuple(found.refused[i][1] for i in order)
    )
    return Decoded(batch, is_doubtful, others, rejects, kept, locations)


def _take(found: _Found, index: int, message: Message) -> None:
    """Note the locations of a message; MalformedError when it is refused as a whole."""
    if message.is_encrypted:
        raise MalformedError("undecodable", "the body is encrypted and there is no key")
    bodies = [message.body] if message.message == Say.LOCATION else _locations_of(message.body)
    short = [body for body in bodies if len(body) < FIXED.itemsize]
    if short:
        said = f"{len(short[0])} bytes of body where a location has {FIXED.itemsize}"
        which = f"{len(short)} of {len(bodies)} locations: " if message.message == Say.BATCH else ""
        found.refused[index] = DropReason.TRUNCATED, which + said
    good = [body for body in bodies if len(body) >= FIXED.itemsize]
    found.bodies += good
    found.places += [index] * len(good)
    found.messages += [message] * len(good)


def _locations_of(body: bytes) -> list[bytes]:
    """The locations of a batch: their number, their kind, and each behind its length."""
    if len(body) < BATCH_HEAD:
        raise MalformedError("truncated", f"{len(body)} bytes of body where a batch has at least {BATCH_HEAD}")
    number, at = int.from_bytes(body[:2]), BATCH_HEAD
    if not number:
        raise MalformedError("undecodable", "a batch of no locations")
    bodies: list[bytes] = []
    while len(bodies) < number:
        end = at + 2 + int.from_bytes(body[at : at + 2])
        if at + 2 > len(body) or end > len(body):
            raise MalformedError("truncated", f"location {len(bodies) + 1} of {number} is longer than the batch")
        bodies.append(body[at + 2 : end])
        at = end
    if at != len(body):
        raise MalformedError("overlong", f"{len(body) - at} bytes behind the last of {number} locations")
    return bodies


def read_bodies(bodies: Sequence[bytes]) -> tuple[Locations, dict[int, tuple[DropReason, str]]]:
    """Bodies of at least `FIXED.itemsize` bytes, side by side; and what is wrong with those that are not in the result."""
    stop = np.cumsum([len(body) for body in bodies], dtype=np.int64)
    start = stop - np.array([len(body) for body in bodies], np.int64)
    data = np.concatenate([np.frombuffer(b"".join(bodies), np.uint8), np.zeros(PADDING, np.uint8)])
    fixed = runs(data, start, FIXED.itemsize).view(FIXED).reshape(len(bodies))
    rows, at = np.arange(len(bodies)), start + FIXED.itemsize
    faults: dict[int, tuple[DropReason, str]] = {}
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    while (more := at < stop[rows]).any():
        rows, at = rows[more], at[more]
        after = at + 2 + data[at + 1]
        fits = after <= stop[rows]
        faults |= dict.fromkeys(rows[~fits].tolist(), (DropReason.TRUNCATED, "an additional item is longer than the body"))
        found.append((rows[fits], at[fits]))
        rows, at = rows[fits], after[fits]
        if len(found) > MOST_ITEMS:
            faults |= dict.fromkeys(rows.tolist(), (DropReason.UNDECODABLE, f"more than {MOST_ITEMS} additional items"))
            break
    return _without(faults, data, fixed, found), faults


def _without(
    faults: Collection[int],
    data: npt.NDArray[np.uint8],
    fixed: npt.NDArray[Any],
    found: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
) -> Locations:
    none = np.empty(0, np.int64)
    rows = np.concatenate([none, *(rows for rows, _ in found)])
    starts = np.concatenate([none, *(starts for _, starts in found)])
    keep = np.ones(len(fixed), np.bool_)
    keep[list(faults)] = False
    order = np.argsort(rows, kind="stable")
    order = order[keep[rows[order]]]
    rows, starts = rows[order], starts[order]
    whole = data.tobytes()
    values = [whole[at + 2 : at + 2 + whole[at + 1]] for at in starts.tolist()]
    return Locations(fixed[keep], (np.cumsum(keep) - 1)[rows], data[starts], values)


def _rows(locations: Locations, messages: Sequence[Message]) -> tuple[dict[str, Column], npt.NDArray[np.bool_]]:
    n, fixed = len(messages), locations.fixed
    columns: dict[str, Column] = {
        name: np.full(n, np.nan) if dtype.kind == "f" else np.zeros(n, dtype) for name, dtype in TELEMETRY.dtypes().items()
    }
    status = fixed["status_flags"].astype(np.uint32)
    columns["time_us"] = _times(fixed["time"])
    columns["edition"] = np.array([message.edition for message in messages], np.uint16)
    columns["is_reissued"] = np.array(
        [message.message == Say.BATCH and message.body[2] == REISSUED for message in messages], np.bool_
    )
    latitude, longitude = fixed["latitude"] / 1e6, fixed["longitude"] / 1e6
    is_there = (status & IS_FIXED != 0) & (latitude <= 90) & (longitude <= 180)
    columns["latitude_deg"] = np.where(is_there, np.where(status & IS_SOUTH, -latitude, latitude), np.nan)
    columns["longitude_deg"] = np.where(is_there, np.where(status & IS_WEST, -longitude, longitude), np.nan)
    columns["speed_mps"] = fixed["speed"] / 36
    direction = fixed["direction_deg"].astype(np.float64)
    columns["heading_deg"] = np.where(direction < 360, direction, np.nan)
    for name, values in (
        ("vehicle_state", np.where(status & IS_ON, 1, 2)),
        ("alarm_flags", fixed["alarm_flags"]),
        ("status_flags", status),
    ):
        columns[name] = values.astype(columns[name].dtype)
        columns[name + "_valid"][:] = True
    mine = [
        (row, value)
        for row, code, value in zip(locations.item_row.tolist(), locations.item_id.tolist(), locations.values, strict=True)
        if code == MILEAGE and len(value) == 4
    ]
    for row, value in mine:
        columns["mileage_m"][row] = int.from_bytes(value) * 100.0
    return columns, np.asarray((fixed["speed"] > MOST_SPEED) | (direction >= 360))


def _times(coded: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Binary-coded decimals (n, 6) of Beijing time."""
    high, low = coded >> 4, coded & 0x0F
    is_decimal = ((high < 10) & (low < 10)).all(axis=1)
    return np.where(is_decimal, times_of(high * 10 + low), NO_TIME_US)
