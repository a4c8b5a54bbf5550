"""GB/T 32960.3 telemetry as batches: real-time reports of both editions → rows of `chelu.messages.TELEMETRY`, and back.

docs/formats/gbt32960.md says what is read how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import gbt32960_items as items
from chelu.codec.gbt32960_frame import BEIJING_S, Command
from chelu.codec.gbt32960_items import Items, Ragged
from chelu.codec.gbt32960_report import Parsed, Reports, parse
from chelu.codec.gbt32960_spec import ITEMS, Fixed, Layout, Wire, code_of, layout_of, name_of
from chelu.geo import from_gcj02
from chelu.messages import TELEMETRY, Batch, Column, Frames, Rejects
from chelu.units import US_PER_S

NO_TIME_US = -1  # a time that no calendar has
GCJ02 = 2
IS_INVALID, IS_SOUTH, IS_WEST = 1, 2, 4  # position flags
GEAR, BRAKE_BIT, DRIVE_BIT = 0x0F, 0x10, 0x20
# Items whose fields are columns of the row, under the same names.
_CELL = Wire("voltage_v", ">u2", divide=1000)
_PROBE = Wire("temperature_c", "u1", offset=-40)
_ROW_ITEMS = ("vehicle", "position", "engine", "extremes", "fuel_cell", "alarms")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of TELEMETRY without arrival and device, and with `frame` (n,), their places among the frames.

    is_doubtful (n,): a value is beyond the standard's range; others: frames that are no reports, by their command.
    """

    rows: Batch
    is_doubtful: npt.NDArray[np.bool_]
    others: Mapping[int, int]
    rejects: Rejects
    parsed: Parsed

    def details(self) -> list[dict[str, Any]]:
        """For each row everything its report says, as objects: lists of motors, cells, probes, faults; custom data as digits."""
        return details(self.parsed.reports)

    def alone(self, frames: Frames) -> list[bytes]:
        """For each row the frame that holds it."""
        return [frames.frame(place) for place in self.rows["frame"].tolist()]


def decode(frames: Frames) -> Decoded:
    """Rows of real-time and re-issued reports; each refused frame with its reason."""
    parsed = parse(frames)
    reports = parsed.reports
    rows, is_doubtful = _rows(reports)
    batch = Batch({**rows, "frame": parsed.frame})
    return Decoded(batch, is_doubtful, parsed.others, parsed.rejects, parsed)


def values_of(field: Wire, raw: npt.NDArray[Any]) -> tuple[Column, npt.NDArray[np.bool_]]:
    """A field's values, NaN where it has none, and where it has one; codes stay integers."""
    is_there = raw < field.first_gap
    if field.is_code:
        return raw.astype(raw.dtype.newbyteorder("=")), is_there
    value = (raw.astype(np.float64) * field.multiply + field.offset * field.divide) / field.divide  # so that tenths stay tenths
    return np.where(is_there, value, np.nan), is_there


def times_of(time: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Times as sent (n, 6) in µs UTC; `NO_TIME_US` for one that no calendar has."""
    year, month, day, hour, minute, second = time.T.astype(np.int64)
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (hour < 24) & (minute < 60) & (second < 60)
    months = (year + 30) * 12 + np.where(good, month, 1) - 1  # since 1970
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    date = first + (day - 1)
    good &= date.astype("datetime64[M]").astype(np.int64) == months
    seconds = date.astype(np.int64) * 86_400 + hour * 3600 + minute * 60 + second - BEIJING_S
    return np.where(good, seconds * US_PER_S, NO_TIME_US)


# -- rows ------------------------------------------------------------------------------------------------------------------------


def _rows(reports: Reports) -> tuple[dict[str, Column], npt.NDArray[np.bool_]]:
    n = len(reports)
    columns: dict[str, Column] = {
        name: np.full(n, np.nan) if dtype.kind == "f" else np.zeros(n, dtype) for name, dtype in TELEMETRY.dtypes().items()
    }
    columns["time_us"] = times_of(reports.time)
    columns["edition"] = reports.edition.astype(np.uint16)
    columns["is_reissued"] = reports.command == Command.REISSUE
    is_doubtful = np.zeros(n, np.bool_)
    _from_lists(reports, columns)
    for (edition, code), one in reports.items.items():
        if name_of(edition, code) in _ROW_ITEMS:
            for part, column in zip(layout_of(edition, code) or (), one.columns, strict=True):
                if isinstance(part, Fixed) and not isinstance(column, Ragged):
                    _take(part, column, one.frame, columns, is_doubtful)
        if name_of(edition, code) == "vehicle":
            _gear(one, columns)
        elif name_of(edition, code) == "position":
            _place(one, columns)
    return columns, is_doubtful


def _take(
    part: Fixed,
    records: npt.NDArray[Any],
    frame: items.Ints,
    columns: dict[str, Column],
    is_doubtful: npt.NDArray[np.bool_],
) -> None:
    """Put the fields that are columns of the row into their frames' rows."""
    for field in part.fields:
        if field.name not in columns:
            continue
        values, is_there = values_of(field, records[field.name])
        if field.is_code:
            columns[field.name][frame[is_there]] = values[is_there]
            columns[field.name + "_valid"][frame[is_there]] = True
        else:
            columns[field.name][frame[is_there]] = values[is_there]
        if field.most is not None:
            is_doubtful[frame[is_there & (records[field.name] > field.most)]] = True


def _gear(one: Items, columns: dict[str, Column]) -> None:
    gear = items.records(one.columns[0])["gear_byte"]
    for name, value in (("gear", gear & GEAR), ("has_drive", gear & DRIVE_BIT != 0), ("has_brake", gear & BRAKE_BIT != 0)):
        columns[name][one.frame] = value
        columns[name + "_valid"][one.frame] = True


def _place(one: Items, columns: dict[str, Column]) -> None:
    """Signs by the flags, nothing where the position is not valid, WGS-84 where it is said to be GCJ-02."""
    records, frame = items.records(one.columns[0]), one.frame
    flags = records["position_flags"]
    latitude, longitude = columns["latitude_deg"][frame], columns["longitude_deg"][frame]
    is_none = (flags & IS_INVALID != 0) | ~(latitude <= 90) | ~(longitude <= 180)
    latitude = np.where(is_none, np.nan, np.where(flags & IS_SOUTH, -latitude, latitude))
    longitude = np.where(is_none, np.nan, np.where(flags & IS_WEST, -longitude, longitude))
    if "coordinate_system" in (records.dtype.names or ()):
        shifted = (records["coordinate_system"] == GCJ02) & ~is_none
        if shifted.any():
            latitude[shifted], longitude[shifted] = from_gcj02(latitude[shifted], longitude[shifted])
    columns["latitude_deg"][frame], columns["longitude_deg"][frame] = latitude, longitude


def _from_lists(reports: Reports, columns: dict[str, Column]) -> None:
    """Counts of motors and faults; extremes of the cells and probes reported, which those sent replace afterwards."""
    for (edition, code), one in reports.items.items():
        name, lists = name_of(edition, code), [column for column in one.columns if isinstance(column, Ragged)]
        if name == "motors":
            columns["motors"][one.frame] = lists[0].size
            columns["motors_valid"][one.frame] = True
        elif name == "alarms":
            columns["faults"][one.frame] = sum(faults.size for faults in lists)
            columns["faults_valid"][one.frame] = True
        elif name == "cells":
            _extremes(one, _CELL, "cell_voltage", "v", columns)
        elif name == "temperatures":
            _extremes(one, _PROBE, "battery_temperature", "c", columns)


def _extremes(one: Items, field: Wire, name: str, unit: str, columns: dict[str, Column]) -> None:
    packs = one.columns[0]
    if not isinstance(packs, Ragged) or not isinstance(cells := packs.elements[1], Ragged):
        return
    values, _ = values_of(field, items.records(cells.elements[0])[field.name])
    size = items.summed(cells.size, packs.size)
    some = np.flatnonzero(size)
    if not some.size:
        return
    first = (np.cumsum(size) - size)[some]
    for best, function in (("max", np.fmax), ("min", np.fmin)):
        function.at(columns[f"{name}_{best}_{unit}"], one.frame[some], function.reduceat(values, first))


# -- details ---------------------------------------------------------------------------------------------------------------------


def details(reports: Reports) -> list[dict[str, Any]]:
    """For each report everything it says, as objects; an item that comes twice is a list."""
    found: list[dict[str, Any]] = [{} for _ in range(len(reports))]
    for (edition, code), one in reports.items.items():
        name, is_known = name_of(edition, code), code in ITEMS[edition]
        for frame, value in zip(one.frame.tolist(), _objects(layout_of(edition, code) or (), one.columns), strict=True):
            shown = value if is_known else value["data"]
            if name in found[frame]:
                earlier = found[frame][name]
                found[frame][name] = [*earlier, shown] if isinstance(earlier, list) else [earlier, shown]
            else:
                found[frame][name] = shown
    return found


def _objects(layout: Layout, columns: items.Columns) -> list[dict[str, Any]]:
    """One object per item."""
    size = len(columns[0].size) if isinstance(columns[0], Ragged) else len(columns[0])
    names: list[str] = []
    lists: list[list[Any]] = []
    for part, column in zip(layout, columns, strict=True):
        if isinstance(part, Fixed):
            for field in part.fields:
                names.append(field.name)
                lists.append(_plain(field, items.records(column)[field.name]))
        elif isinstance(column, Ragged):
            names.append(part.name)
            lists.append(_nested(part.element, column))
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)] if lists else [{}] * size


def _plain(field: Wire, raw: npt.NDArray[Any]) -> list[Any]:
    values, is_there = values_of(field, raw)
    plain: list[Any] = values.tolist()
    if is_there.all():
        return plain
    return [value if there else None for value, there in zip(plain, is_there.tolist(), strict=True)]


def _nested(layout: Layout, column: Ragged) -> list[Any]:
    ends = np.cumsum(column.size)
    starts, stops = (ends - column.size).tolist(), ends.tolist()
    first = layout[0]
    if len(layout) == 1 and isinstance(first, Fixed) and len(first.fields) == 1:
        field = first.fields[0]
        raw = items.records(column.elements[0])[field.name]
        if field.name == "byte":
            data = raw.tobytes()
            return [data[start:stop].hex() for start, stop in zip(starts, stops, strict=True)]
        flat = _plain(field, raw)
    else:
        flat = _objects(layout, column.elements)
    return [flat[start:stop] for start, stop in zip(starts, stops, strict=True)]


__all__ = ["Decoded", "code_of", "decode", "details", "times_of", "values_of"]
