"""Real-time reports of GB/T 32960.3 as columns of what is on the wire: frames → `Reports` → frames, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.codec import gbt32960_items as items
from chelu.codec.gbt32960_frame import EDITIONS, HEADER, OVERHEAD, STARTS, Command, Encryption, name_of_encryption
from chelu.codec.gbt32960_items import Ints, Items, Key
from chelu.codec.gbt32960_spec import layout_of
from chelu.messages import DropReason, Frames, Rejects

TIME = 6
_FIRST = HEADER.size + TIME  # where the items begin
REPORTS = (int(Command.REALTIME), int(Command.REISSUE))
_Detail = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Reports:
    """n reports. edition, command, answer (n,); vin (n,) S17; time (n, 6) as sent; items by (edition, code), frame ascending."""

    edition: Ints
    command: Ints
    answer: Ints
    vin: npt.NDArray[np.bytes_]
    time: npt.NDArray[np.uint8]
    items: Mapping[Key, Items]

    def __len__(self) -> int:
        return len(self.edition)


@dataclass(frozen=True, slots=True)
class Parsed:
    """frame (n,): the place among the frames that each report has; others: sound frames that are no reports, by command."""

    reports: Reports
    frame: Ints
    others: Mapping[int, int]
    rejects: Rejects


def parse(frames: Frames) -> Parsed:
    """Read reports. A frame that is cut, overlong, damaged, encrypted or holds what no edition defines is refused, alone."""
    data = np.concatenate([frames.data, np.zeros(items.PADDING, np.uint8)])
    size = frames.stop - frames.start
    refused: dict[int, tuple[DropReason, str]] = {}
    good = _framed(frames, data, size, refused)
    command = data[frames.start + 2].astype(np.int64)
    is_report = np.isin(command, REPORTS)
    others = {int(row): int(command[row]) for row in np.flatnonzero(good & ~is_report)}
    _refuse_encrypted(frames, data, good & is_report, refused)
    short = good & is_report & (size < OVERHEAD + TIME)
    _refuse(refused, short, DropReason.TRUNCATED, lambda row: f"{size[row] - OVERHEAD} bytes of data where a report has {TIME}")
    rows = np.array([row for row in np.flatnonzero(good & is_report).tolist() if row not in refused], np.int64)
    start = frames.start[rows]
    edition = np.where(data[start] == STARTS[2016][0], 2016, 2025)
    found, faults = items.read(data, start + _FIRST, frames.stop[rows] - 1, edition)
    refused |= {int(rows[fault.frame]): (DropReason(fault.reason), fault.detail) for fault in faults}
    keep = np.ones(len(rows), np.bool_)
    keep[[fault.frame for fault in faults]] = False
    renumbered = np.cumsum(keep) - 1
    kept = {key: Items(renumbered[one.frame], one.place, one.columns) for key, one in found.items()}
    start = start[keep]
    head = items.runs(data, start, HEADER.size)
    reports = Reports(
        edition[keep],
        head[:, 2].astype(np.int64),
        head[:, 3].astype(np.int64),
        np.ascontiguousarray(head[:, 4:21]).view("S17").reshape(-1),
        items.runs(data, start + HEADER.size, TIME),
        kept,
    )
    return Parsed(reports, rows[keep], others, _rejects(refused))


def write(reports: Reports, encryption: Encryption = Encryption.NONE) -> Frames:
    """The frames of reports: the exact inverse of `parse`."""
    n = len(reports)
    frame, place, size = _spread(reports)
    order = np.lexsort((place, frame))
    data = np.bincount(frame, size, minlength=n).astype(np.int64) + TIME
    stop = np.cumsum(data + OVERHEAD)
    start = stop - data - OVERHEAD
    before = np.empty_like(size)
    before[order] = np.cumsum(size[order]) - size[order]
    at = before + (frame + 1) * (OVERHEAD + TIME) - 1  # behind the heads so far and the checks of the frames before
    out = np.empty(int(stop[-1]) if n else 0, np.uint8)
    _put_heads(reports, out, start, data, encryption)
    done = 0
    for (edition, code), one in reports.items.items():
        mine = at[done : done + len(one.frame)]
        out[mine] = code
        items.put(layout_of(edition, code) or (), one.columns, out, mine + 1)
        done += len(one.frame)
    out[stop - 1] = _checks(out, start, stop)
    return Frames(out, start, stop, np.zeros(n, np.int64), np.arange(n, dtype=np.int32))


def vin_column(vins: list[str]) -> npt.NDArray[np.bytes_]:
    """VINs as `Reports` holds them."""
    return np.array([vin.encode("ascii") for vin in vins], "S17")


# -- inside ----------------------------------------------------------------------------------------------------------------------


def _framed(frames: Frames, data: items.Bytes, size: Ints, refused: dict[int, tuple[DropReason, str]]) -> items.Bools:
    """(n,) which frames have a sound header, length and check; `data` is padded."""
    start = frames.start
    is_long_enough = size >= OVERHEAD
    is_begun = (data[start] == data[start + 1]) & np.isin(data[start], [one[0] for one in EDITIONS])
    said = OVERHEAD + items.number(data, start + 22, 2)
    check = np.zeros(len(size), np.uint8)
    sized = np.flatnonzero(is_long_enough & (size == said))
    check[sized] = _checks(data, start[sized], frames.stop[sized])
    is_checked = check == data[np.maximum(frames.stop - 1, 0)]
    _refuse(refused, ~is_long_enough, DropReason.TRUNCATED, lambda row: f"{size[row]} bytes where a frame has {OVERHEAD}")
    good = is_long_enough
    _refuse(refused, good & ~is_begun, DropReason.UNDECODABLE, lambda _: "a frame starts with ## or $$")
    good = good & is_begun
    for reason, mask in ((DropReason.TRUNCATED, size < said), (DropReason.OVERLONG, size > said)):
        _refuse(refused, good & mask, reason, lambda row: f"{size[row]} bytes where the header says {said[row]}")
    good = good & (size == said)
    _refuse(refused, good & ~is_checked, DropReason.UNDECODABLE, lambda _: "the check is not that of the bytes")
    return np.asarray(good & is_checked)


def _refuse_encrypted(frames: Frames, data: items.Bytes, chosen: items.Bools, refused: dict[int, tuple[DropReason, str]]) -> None:
    method = data[frames.start + 21]
    encrypted = chosen & (method != Encryption.NONE)
    _refuse(
        refused,
        encrypted,
        DropReason.UNDECODABLE,
        lambda row: f"the data is encrypted ({name_of_encryption(int(method[row]))}) and there is no key",
    )


def _refuse(refused: dict[int, tuple[DropReason, str]], mask: items.Bools, reason: DropReason, detail: _Detail) -> None:
    for row in np.flatnonzero(mask).tolist():
        refused.setdefault(row, (reason, detail(row)))


def _rejects(refused: dict[int, tuple[DropReason, str]]) -> Rejects:
    order = sorted(refused)
    return Rejects(np.array(order, np.int64), tuple(refused[i][0] for i in order), tuple(refused[i][1] for i in order))


def _checks(data: items.Bytes, start: Ints, stop: Ints) -> items.Bytes:
    """(n,) the exclusive or between start and check of frames that are whole."""
    if not len(start):
        return np.empty(0, np.uint8)
    bounds = np.stack([start + 2, stop - 1], axis=1).reshape(-1)
    return np.bitwise_xor.reduceat(data, bounds)[::2]


def _spread(reports: Reports) -> tuple[Ints, Ints, Ints]:
    """Frame, place and size, the code included, of all items, kind after kind."""
    none = np.empty(0, np.int64)
    kinds = reports.items.items()
    sizes = [1 + items.sizes(layout_of(*key) or (), one.columns) for key, one in kinds]
    return (
        np.concatenate([none, *(one.frame for _, one in kinds)]),
        np.concatenate([none, *(one.place for _, one in kinds)]),
        np.concatenate([none, *sizes]),
    )


def _put_heads(reports: Reports, out: items.Bytes, start: Ints, data: Ints, encryption: Encryption) -> None:
    n = len(reports)
    head = np.empty((n, HEADER.size), np.uint8)
    head[:, :2] = np.where(reports.edition == 2016, STARTS[2016][0], STARTS[2025][0])[:, None]
    head[:, 2], head[:, 3] = reports.command, reports.answer
    head[:, 4:21] = np.ascontiguousarray(reports.vin.astype("S17")).view(np.uint8).reshape(n, 17)
    head[:, 21] = encryption
    head[:, 22], head[:, 23] = data >> 8, data & 0xFF
    out[start[:, None] + np.arange(HEADER.size)] = head
    out[start[:, None] + np.arange(HEADER.size, _FIRST)] = reports.time
