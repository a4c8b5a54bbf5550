"""Structured envelopes read as columns: where the frames of many payloads lie, and what is wrong with the rest of each.

*deployed* (little-endian): 8-byte device id, int64 ms UTC, then for BSM a u8 count and {u16 length, frame}…, for other messages
one {u16 length, frame}. *T/ITS 0117*: u8 count, {u16 length, frame}…, in either byte order.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.messages import DropReason

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HEADER = struct.Struct("<8sq")  # of a deployed envelope: device id, time stamp in ms
LATEST_MS = 253_402_300_799_999  # the end of the year 9999
NOT_SAID = -1
FEW = 24  # payloads that still have frames when going on one by one is quicker than a round of numpy for all

# What is wrong with a payload; 0 is nothing.
SHORT_HEADER, BAD_TIME, NO_COUNT, ZERO_COUNT, CUT_FRAME, LEFT_OVER = range(1, 7)
_REASONS = {
    SHORT_HEADER: DropReason.TRUNCATED,
    BAD_TIME: DropReason.OUT_OF_RANGE,
    NO_COUNT: DropReason.TRUNCATED,
    ZERO_COUNT: DropReason.UNDECODABLE,
    CUT_FRAME: DropReason.TRUNCATED,
    LEFT_OVER: DropReason.OVERLONG,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How each of n payloads is laid out, all (n,)."""

    has_header: Bools
    is_counted: Bools
    is_big: Bools


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of n payloads.

    row, start, stop: (f,) the payload and the bytes of each frame, in the order of payloads; heard_us: (n,), `NOT_SAID` where
    there is no time stamp; fault: (n,) codes; detail: (n,) the number that goes with a fault; count: (n,) frames promised.
    """

    row: Ints
    start: Ints
    stop: Ints
    heard_us: Ints
    fault: npt.NDArray[np.int8]
    detail: Ints
    count: Ints

    def refusal(self, index: int, size: int) -> tuple[DropReason, str]:
        """Why payload `index`, of `size` bytes, was not read to its end."""
        fault, number = int(self.fault[index]), int(self.detail[index])
        sentence = {
            SHORT_HEADER: f"{size} bytes, the header alone has {HEADER.size}",
            BAD_TIME: f"time stamp {number} ms is outside 0 … {LATEST_MS}",
            NO_COUNT: f"{size} bytes, the count is missing",
            ZERO_COUNT: "the count of frames is 0, 1 … 255 are possible",
            CUT_FRAME: f"{number} of {self.count[index]} frames are whole in {size} bytes",
            LEFT_OVER: f"{number} of {size} bytes are left over",
        }
        return _REASONS[fault], sentence[fault]


def read(data: Bytes, start: Ints, stop: Ints, layout: Layout) -> Reading:
    """Read payloads ``data[start:stop]`` (n,) by their layouts; never beyond their ends."""
    if not len(data):
        data = np.zeros(1, np.uint8)
    total = len(start)
    at, count = start.copy(), np.ones(total, np.int64)
    fault, detail = np.zeros(total, np.int8), np.zeros(total, np.int64)
    heard_us = _headers(data, (at, stop), layout, (fault, detail))
    counted = np.flatnonzero(layout.is_counted & (fault == 0))
    is_missing = at[counted] >= stop[counted]
    count[counted] = np.where(is_missing, 1, data[np.minimum(at[counted], len(data) - 1)])
    fault[counted[is_missing]] = NO_COUNT
    fault[counted[count[counted] == 0]] = ZERO_COUNT
    at[counted] += 1
    row, frame, end = _walk(data, (at, stop), count, layout.is_big, (fault, detail))
    is_over = (fault == 0) & (at < stop)
    fault[is_over], detail[is_over] = LEFT_OVER, (stop - at)[is_over]
    return Reading(row, frame, end, heard_us, fault, detail, count)


def _headers(data: Bytes, span: tuple[Ints, Ints], layout: Layout, fault: tuple[npt.NDArray[np.int8], Ints]) -> Ints:
    """Read the time stamps and move behind the headers."""
    (at, stop), (code, detail) = span, fault
    heard_us = np.full(len(at), NOT_SAID, np.int64)
    rows = np.flatnonzero(layout.has_header)
    code[rows[stop[rows] - at[rows] < HEADER.size]] = SHORT_HEADER
    rows = rows[code[rows] == 0]
    if not rows.size:
        return heard_us
    stamps_ms = data[at[rows, None] + np.arange(8, HEADER.size)].view("<i8")[:, 0].astype(np.int64)
    is_bad = (stamps_ms < 0) | (stamps_ms > LATEST_MS)
    code[rows[is_bad]], detail[rows[is_bad]] = BAD_TIME, stamps_ms[is_bad]
    heard_us[rows[~is_bad]] = stamps_ms[~is_bad] * 1000
    at[rows] += HEADER.size
    return heard_us


def _walk(
    data: Bytes, span: tuple[Ints, Ints], count: Ints, is_big: Bools, fault: tuple[npt.NDArray[np.int8], Ints]
) -> tuple[Ints, Ints, Ints]:
    """Go from frame to frame in all payloads at once: a round is one frame of each that still has one."""
    (at, stop), (code, _) = span, fault
    rows, number = np.flatnonzero(code == 0), 0
    found: list[tuple[Ints, Ints, Ints]] = []
    while len(rows) > FEW:
        place = at[rows]
        begin = place + 2
        end = begin + _lengths(data, place, is_big[rows])
        is_whole = (begin <= stop[rows]) & (end <= stop[rows])
        _cut(rows[~is_whole], number, fault)
        rows = rows[is_whole]
        found.append((rows, begin[is_whole], end[is_whole]))
        at[rows] = end[is_whole]
        number += 1
        rows = rows[count[rows] > number]
    found += [_walk_one(data, row, (at, stop), (number, int(count[row])), is_big[row], fault) for row in rows.tolist()]
    owner, first, last = (np.concatenate([np.empty(0, np.int64), *(part[column] for part in found)]) for column in range(3))
    order = np.argsort(owner, kind="stable")
    return owner[order], first[order], last[order]


def _walk_one(
    data: Bytes,
    row: int,
    span: tuple[Ints, Ints],
    numbers: tuple[int, int],
    is_big: np.bool_,
    fault: tuple[npt.NDArray[np.int8], Ints],
) -> tuple[Ints, Ints, Ints]:
    """The frames of one payload from `numbers[0]` up to `numbers[1]`."""
    place, stop = int(span[0][row]), int(span[1][row])
    body, begins, ends = data[place:stop].tobytes(), [], []
    at, size = 0, ">H" if is_big else "<H"
    for number in range(*numbers):
        end = at + 2 + struct.unpack_from(size, body, at)[0] if at + 2 <= len(body) else len(body) + 1
        if end > len(body):
            _cut(np.array([row]), number, fault)
            break
        begins.append(place + at + 2)
        ends.append(place + end)
        at = end
    span[0][row] = place + at
    return np.full(len(begins), row, np.int64), np.array(begins, np.int64), np.array(ends, np.int64)


def _lengths(data: Bytes, place: Ints, is_big: Bools) -> Ints:
    last = len(data) - 1
    first, second = (data[np.minimum(place + ahead, last)].astype(np.int64) for ahead in (0, 1))
    return np.where(is_big, first << 8 | second, second << 8 | first)


def _cut(rows: Ints, number: int, fault: tuple[npt.NDArray[np.int8], Ints]) -> None:
    fault[0][rows], fault[1][rows] = CUT_FRAME, number
