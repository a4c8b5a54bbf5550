"""Devices as files: CSV and GeoJSON (RFC 7946), read with the line of every record, and written so that they can be read again.

A CSV column is a field of the API; parts of a field have a dot (``mounting.height_m``), ``label.KEY`` is one label, and an empty
cell is nothing. A GeoJSON feature has a Point for the position, and the other fields as properties. Pure.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.registry.device_features import each_once, read_features
from services.registry.device_models import Calibration, DeviceFields, Mounting, NewDevice, Reading
from services.registry.problems import Fault, shown

NESTED = {
    name: tuple(model.model_fields)
    for name, model in (("mounting", Mounting), ("calibration", Calibration), ("reading", Reading))
}
JSON_COLUMNS = frozenset({"labels", "calibration.parameters"})
LABEL = "label."
HEAD = ("device_id", "kind", "site_id", "lifecycle")
COLUMNS = (
    *HEAD,
    *(column for name in DeviceFields.model_fields for column in ([f"{name}.{part}" for part in NESTED.get(name, ())] or [name])),
)
IMPORTED = frozenset({*COLUMNS, "credential"})
REQUIRED = tuple(name for name, field in NewDevice.model_fields.items() if field.is_required())
POSITION = ("longitude_deg", "latitude_deg", "elevation_m")
MAX_FIELD = 2**17  # characters of a CSV cell: the csv module's own bound


@dataclass(frozen=True, slots=True)
class Record:
    """One device of a file as the API would be given it, and the line on which it begins."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Records:
    """What was read, and what could not be."""

    records: list[Record]
    faults: list[Fault]


def read_csv(content: bytes) -> Records:
    """The records of a CSV file in UTF-8, whose first line names the columns."""
    text, fault = _text(content)
    if fault:
        return Records([], [fault])
    lines = _lines(text)
    header = next(lines, None)
    if header is None or isinstance(header, Fault):
        return Records([], [header or Fault("(document)", "nothing", "a line with the columns' names", 1)])
    names = [name.strip() for name in header[1]]
    found = Records([], _header_faults(names))
    for line in () if found.faults else lines:
        if isinstance(line, Fault):
            found.faults.append(line)
        elif any(line[1]):
            _add(found, line[0], names, line[1])
    return found


def read_geojson(content: bytes) -> Records:
    """The records of a GeoJSON FeatureCollection."""
    text, fault = _text(content)
    if fault:
        return Records([], [fault])
    features, faults = read_features(text)
    found = Records([], faults)
    for line, feature in features:
        try:
            found.records.append(Record(line, _values_of(feature)))
        except _CellError as error:
            found.faults.append(Fault(error.field, error.value, error.allowed, line))
    return found


def write_csv(devices: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of a CSV file that `read_csv` reads, of devices as `models.Device` has them in JSON."""
    yield _csv_line(COLUMNS)
    for device in devices:
        yield _csv_line([_cell(device, column) for column in COLUMNS])


def write_geojson(devices: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Pieces of a FeatureCollection that `read_geojson` reads, a feature a line."""
    separator = '{"type": "FeatureCollection", "features": [\n'
    for device in devices:
        yield separator + json.dumps(_feature(device), ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n" if separator == ",\n" else separator + "]}\n"


class _CellError(Exception):
    def __init__(self, field: str, value: str, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(field)


def _text(content: bytes) -> tuple[str, Fault | None]:
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return "", Fault("(document)", repr(content[error.start : error.start + 4]), "text in UTF-8", line)


def _lines(text: str) -> Iterator[tuple[int, list[str]] | Fault]:
    """Each record with the number of its first line; a fault ends them."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Fault("(document)", str(error), f"CSV with commas and double quotes, cells up to {MAX_FIELD} characters", start)
            return
        yield start, cells


def _header_faults(names: Sequence[str]) -> list[Fault]:
    unknown = [name for name in names if name not in IMPORTED and not (name.startswith(LABEL) and name != LABEL)]
    twice = sorted({name for name in names if names.count(name) > 1})
    absent = [name for name in REQUIRED if name not in names]
    return [
        *(Fault(shown(name), "a column", f"one of {', '.join(COLUMNS)}, credential, label.KEY", 1) for name in unknown),
        *(Fault(shown(name), "a column twice", "each column once", 1) for name in twice),
        *(Fault(name, "no column", "it is required", 1) for name in absent),
    ]


def _add(found: Records, line: int, names: Sequence[str], cells: Sequence[str]) -> None:
    if len(cells) != len(names):
        found.faults.append(Fault("(row)", f"{len(cells)} cells", f"{len(names)} cells, as the first line has", line))
        return
    values: dict[str, Any] = {}
    try:
        for name, cell in zip(names, cells, strict=True):
            if text := cell.strip():
                _put(values, name, text)
    except _CellError as error:
        found.faults.append(Fault(error.field, error.value, error.allowed, line))
        return
    found.records.append(Record(line, values))


def _put(values: dict[str, Any], name: str, text: str) -> None:
    if name == "labels":
        given, known = _json(name, text), values.setdefault("labels", {})
        if both := sorted(given.keys() & known.keys()):
            raise _CellError(f"label.{both[0]}", shown(known[both[0]]), "each label once")
        known |= given
        return
    value = _json(name, text) if name in JSON_COLUMNS else text
    outer, _, inner = name.partition(".")
    if not inner:
        values[name] = value
        return
    part = values.setdefault("labels" if outer == "label" else outer, {})
    if inner in part:
        raise _CellError(name, shown(text), "each label once")
    part[inner] = value


def _json(name: str, text: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text, object_pairs_hook=each_once)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _CellError(name, shown(text), 'a JSON object such as {"key": "value"}')
    return value


def _values_of(feature: Any) -> dict[str, Any]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise _CellError("type", shown(feature.get("type") if isinstance(feature, dict) else feature), "Feature")
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise _CellError("properties", shown(properties), "an object")
    if feature.get("id") not in {None, properties.get("device_id")}:
        raise _CellError("id", shown(feature["id"]), "its device_id, or nothing")
    position = _position(feature.get("geometry"))
    if both := sorted(position.keys() & properties.keys()):
        raise _CellError(both[0], shown(properties[both[0]]), "nothing beside a geometry")
    return {**properties, **position}


def _position(geometry: Any) -> dict[str, Any]:
    if geometry is None:
        return {}
    is_point = isinstance(geometry, dict) and geometry.get("type") == "Point"
    coordinates = geometry.get("coordinates") if is_point else None
    if not isinstance(coordinates, list) or not 2 <= len(coordinates) <= 3:
        raise _CellError("geometry", shown(geometry), "null, or a Point of longitude, latitude and, if known, elevation")
    return dict(zip(POSITION, coordinates, strict=False))


def _csv_line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _cell(device: Mapping[str, Any], column: str) -> str:
    outer, _, inner = column.partition(".")
    value = device.get(outer)
    value = value.get(inner) if inner and value is not None else value
    if value is None or value == {}:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _feature(device: Mapping[str, Any]) -> dict[str, Any]:
    names = (*HEAD, *DeviceFields.model_fields)
    point = [device[name] for name in POSITION if device[name] is not None]
    is_placed = device["longitude_deg"] is not None and device["latitude_deg"] is not None
    left_out = POSITION if is_placed else ()
    return {
        "type": "Feature",
        "id": device["device_id"],
        "geometry": {"type": "Point", "coordinates": point} if is_placed else None,
        "properties": {name: device[name] for name in names if name not in left_out and device[name] not in (None, {})},
    }


READERS: Mapping[str, Callable[[bytes], Records]] = {"text/csv": read_csv, "application/geo+json": read_geojson}
WRITERS: Mapping[str, Callable[[Iterable[Mapping[str, Any]]], Iterator[str]]] = {
    "text/csv": write_csv,
    "application/geo+json": write_geojson,
}
