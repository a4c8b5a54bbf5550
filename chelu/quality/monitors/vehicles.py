"""BSM rows by device and vehicle, each one's in the order of their times: sorted once a window for all monitors that need it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.messages import Batch, Column
from chelu.quality.monitors.judged import Floats, Ints, Mask, Numbers, Subject

CELL_DEG = 0.001  # 111 m to the north, 97 m to the east in Chongqing
COLUMNS = 360_000  # cells around the earth
NOWHERE = -1
_LOOKED_UP = 1 << 20  # numbers of a table that costs less than sorting
_FEW = 1 << 16  # senders that a 16-bit number tells apart: numpy sorts those by counting


@dataclass(frozen=True, slots=True)
class Vehicles:
    """n rows by device and vehicle, then time. follows (n − 1,): the next row is of the same device and vehicle.

    places: devices and squares (`Subject.part`), and `of_place` (n,) which of them each row is of; devices, `of_device` likewise.
    """

    time_us: Ints
    arrival_us: Ints
    message_count: Ints
    who: Numbers
    follows: Mask
    devices: tuple[Subject, ...]
    of_device: Ints
    places: tuple[Subject, ...]
    of_place: Ints

    def __len__(self) -> int:
        return len(self.time_us)


def vehicles(bsm: Batch, number: Ints) -> Vehicles:
    """BSM rows sorted by time, with the header's columns, as `Vehicles`; number: of each row's vehicle (`numbered`)."""
    devices, of_device = numbered(bsm["device_key"].astype(np.int64))
    cells, of_cell = numbered(cell_of(bsm["latitude_deg"], bsm["longitude_deg"]))
    pairs, of_place = numbered(of_device * max(len(cells), 1) + of_cell)
    places = [(int(devices[pair // len(cells)]), int(cells[pair % len(cells)])) for pair in pairs.tolist()]
    order, follows = by_sender(number * max(len(devices), 1) + of_device)
    return Vehicles(
        time_us=bsm["time_us"][order],
        arrival_us=bsm["arrival_us"][order],
        message_count=bsm["message_count"][order].astype(np.int64),
        who=bsm["vehicle_id"][order],
        follows=follows,
        devices=tuple(Subject(int(device)) for device in devices),
        of_device=of_device[order],
        places=tuple(Subject(device, part=cell) for device, cell in places),
        of_place=of_place[order],
    )


def by_sender(key: Column) -> tuple[Ints, Mask]:
    """The order (n,) that brings each sender's rows together and keeps theirs; and (n − 1,) where the next is the same one's."""
    senders, number = numbered(key)
    order = np.argsort(number.astype(np.uint16) if len(senders) < _FEW else number, kind="stable")
    ordered = number[order]
    return order, ordered[1:] == ordered[:-1]


def numbered(values: Column) -> tuple[Column, Ints]:
    """Which values there are, ascending, and which of them each (n,) is. Numbers that lie close are not sorted but looked up."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    if high - low > _LOOKED_UP + 2 * len(values):
        found, number = np.unique(values, return_inverse=True)
        return found, np.asarray(number, np.int64)
    place = (values - values.dtype.type(low)).astype(np.int64)
    is_there = np.zeros(high - low + 1, np.bool_)
    is_there[place] = True
    at = np.flatnonzero(is_there)
    number = (np.cumsum(is_there) - 1)[place] if len(values) else place
    return at.astype(values.dtype) + values.dtype.type(low), np.asarray(number, np.int64)


def cell_of(latitude_deg: Floats, longitude_deg: Floats) -> Ints:
    """The square (n,) that places lie in, `NOWHERE` where they are not known."""
    known = np.isfinite(latitude_deg) & np.isfinite(longitude_deg)
    north = np.floor((np.where(known, latitude_deg, 0.0) + 90.0) / CELL_DEG).astype(np.int64)
    east = np.floor((np.where(known, longitude_deg, 0.0) + 180.0) / CELL_DEG).astype(np.int64)
    return np.where(known, north * COLUMNS + east, NOWHERE)


def cell_name(cell: int) -> str:
    """A square for people: its middle."""
    if cell == NOWHERE:
        return "place unknown"
    north, east = divmod(cell, COLUMNS)
    return f"{(north + 0.5) * CELL_DEG - 90.0:.4f}°, {(east + 0.5) * CELL_DEG - 180.0:.4f}°"
