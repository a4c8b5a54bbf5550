"""SI rows of telemetry → GB/T 32960.3 reports: what simulators send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import gbt32960_items as items
from chelu.codec.gbt32960 import BRAKE_BIT, DRIVE_BIT, GEAR, IS_INVALID, IS_SOUTH, IS_WEST
from chelu.codec.gbt32960_frame import Answer, Command, encode_time
from chelu.codec.gbt32960_items import Columns, Items, Ragged
from chelu.codec.gbt32960_report import Reports, vin_column, write
from chelu.codec.gbt32960_spec import Counted, Fixed, Wire, code_of, layout_of
from chelu.errors import OutOfRangeError
from chelu.messages import Batch, Column, Frames

Floats = npt.NDArray[np.float64]
PACK = 1  # all cells and probes are those of one pack
MOST_CELLS = 200  # of a pack in one report; their count has one byte in 2016
WGS84 = 1


def encode(
    rows: Batch, vins: Sequence[str], *, edition: int = 2025, cells_v: Floats | None = None, probes_c: Floats | None = None
) -> Frames:
    """One report a row, with vehicle, position and alarms, in 2016 extremes, and the cells (n, k) and probes (n, k) given.

    NaN and cleared masks become "invalid". OutOfRangeError for a value that its field cannot hold, naming the column.
    """
    n = len(rows)
    names = ["vehicle", "position", *(["extremes"] if edition == 2016 else []), "alarms"]
    found: dict[items.Key, Items] = {}
    for name in names:
        _add(found, edition, name, n, _fixed(rows, edition, name))
    if cells_v is not None:
        _add(found, edition, "cells", n, _cells(rows, edition, cells_v))
    if probes_c is not None:
        _add(found, edition, "temperatures", n, _probes(edition, probes_c))
    command = np.where(rows["is_reissued"], Command.REISSUE, Command.REALTIME)
    moments = np.frombuffer(b"".join(encode_time(int(time)) for time in rows["time_us"]), np.uint8).reshape(n, 6)
    return write(Reports(np.full(n, edition), command, np.full(n, int(Answer.REQUEST)), vin_column(list(vins)), moments, found))


def raw_of(field: Wire, values: Column, is_there: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Numbers on the wire; "invalid" where there is no value."""
    top = int(np.iinfo(np.dtype(field.dtype)).max)
    if field.is_code:
        return np.where(is_there, values, top).astype(field.dtype)
    raw = np.rint((np.where(is_there, values, 0.0) - field.offset) * field.divide / field.multiply)
    outside = is_there & ~((raw >= 0) & (raw < field.first_gap))
    if outside.any():
        low, high = (limit * field.multiply / field.divide + field.offset for limit in (0, field.first_gap - 1))
        raise OutOfRangeError(field.name, values[outside][0].item(), low, high)
    return np.where(is_there, raw, top).astype(field.dtype)


# -- inside ----------------------------------------------------------------------------------------------------------------------


def _add(found: dict[items.Key, Items], edition: int, name: str, n: int, columns: Columns) -> None:
    found[edition, code_of(edition, name)] = Items(np.arange(n), np.full(n, len(found)), columns)


def _fixed(rows: Batch, edition: int, name: str) -> Columns:
    """The columns of an item; its lists are empty."""
    n = len(rows)
    columns: list[npt.NDArray[Any] | Ragged] = []
    for part in layout_of(edition, code_of(edition, name)) or ():
        if isinstance(part, Fixed):
            columns.append(_records(part, rows))
        else:
            nothing = np.zeros(n, np.int64)
            columns.append(Ragged(nothing, nothing, tuple(_empty(one) for one in part.element)))
    return tuple(columns)


def _empty(part: Fixed | Counted) -> npt.NDArray[Any] | Ragged:
    if isinstance(part, Fixed):
        return np.empty(0, part.dtype)
    nothing = np.zeros(0, np.int64)
    return Ragged(nothing, nothing, tuple(_empty(one) for one in part.element))


def _records(part: Fixed, rows: Batch) -> npt.NDArray[Any]:
    records = np.empty(len(rows), part.dtype)
    for field in part.fields:
        special = _SPECIAL.get(field.name)
        if special is not None:
            records[field.name] = special(rows)
        elif field.name in rows.columns:
            values = np.abs(rows[field.name]) if field.name in {"latitude_deg", "longitude_deg"} else rows[field.name]
            is_there = rows[field.name + "_valid"] if field.is_code else ~np.isnan(values)
            records[field.name] = raw_of(field, values, is_there)
        else:
            records[field.name] = np.iinfo(np.dtype(field.dtype)).max
    return records


def _gear_byte(rows: Batch) -> Column:
    gear = np.where(rows["gear_valid"], rows["gear"] & GEAR, 0)
    drive = np.where(rows["has_drive_valid"] & rows["has_drive"], DRIVE_BIT, 0)
    return np.asarray(gear | drive | np.where(rows["has_brake_valid"] & rows["has_brake"], BRAKE_BIT, 0))


def _position_flags(rows: Batch) -> Column:
    latitude, longitude = rows["latitude_deg"], rows["longitude_deg"]
    none = np.where(np.isnan(latitude) | np.isnan(longitude), IS_INVALID, 0)
    return np.asarray(none | np.where(latitude < 0, IS_SOUTH, 0) | np.where(longitude < 0, IS_WEST, 0))


def _alarm_flags(rows: Batch) -> Column:
    return np.where(rows["alarm_flags_valid"], rows["alarm_flags"], 0)


def _wgs84(rows: Batch) -> Column:
    return np.full(len(rows), WGS84)


_SPECIAL = {
    "gear_byte": _gear_byte,
    "position_flags": _position_flags,
    "alarm_flags": _alarm_flags,
    "coordinate_system": _wgs84,
}


def _cells(rows: Batch, edition: int, cells_v: Floats) -> Columns:
    n, count = cells_v.shape
    if count > MOST_CELLS:
        raise OutOfRangeError("cells of a pack in one report", count, 0, MOST_CELLS)
    head, inner = _pack_parts(edition, "cells")
    pack = rows.with_columns(
        index=np.full(n, PACK), index_valid=np.ones(n, np.bool_),
        cells=np.full(n, count), cells_valid=np.ones(n, np.bool_),
        first_cell=np.ones(n, np.int64), first_cell_valid=np.ones(n, np.bool_),
    )  # fmt: skip
    return _one_pack(n, _records(head, pack), _list(inner, cells_v))


def _probes(edition: int, probes_c: Floats) -> Columns:
    n = len(probes_c)
    head, inner = _pack_parts(edition, "temperatures")
    index = np.full(n, PACK, np.uint8).view(head.dtype)
    return _one_pack(n, index, _list(inner, probes_c))


def _pack_parts(edition: int, name: str) -> tuple[Fixed, Counted]:
    layout = layout_of(edition, code_of(edition, name)) or ()
    packs = layout[0]
    if isinstance(packs, Counted) and isinstance(head := packs.element[0], Fixed) and isinstance(packs.element[1], Counted):
        return head, packs.element[1]
    raise TypeError(f"{name} of {edition} is no list of packs")


def _list(part: Counted, values: Floats) -> Ragged:
    (fields,) = (one for one in part.element if isinstance(one, Fixed))
    flat = values.reshape(-1)
    records = raw_of(fields.fields[0], flat, ~np.isnan(flat)).view(fields.dtype)
    size = np.full(len(values), values.shape[1])
    return Ragged(size, size, (records,))


def _one_pack(n: int, head: npt.NDArray[Any], inner: Ragged) -> Columns:
    one = np.ones(n, np.int64)
    return (Ragged(one, one, (head, inner)),)
