"""SI batches → frames, for simulators, edge agents and tests. NaN and cleared masks become "unavailable" or are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x_fields as fields
from chelu.codec.cv2x_fields import UNKNOWN_ELEVATION, UNKNOWN_LATITUDE, UNKNOWN_LONGITUDE, Quantity
from chelu.codec.cv2x_spec import KINDS, spec
from chelu.codec.cv2x_time import minute_of_year
from chelu.codec.cv2x_wire import encode_wire
from chelu.codec.uper_layout import join
from chelu.codec.uper_table import Table
from chelu.codec.uper_types import Leaf, Listing, Node, Record
from chelu.errors import OutOfRangeError
from chelu.messages import Batch, Frames

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

MARK_MORE, MARK_UNKNOWN = 36000, 36001
_SATURATES = ("accelSet", "angle")  # a crash exceeds what the field holds: the field's end says enough
ABSOLUTE = 6  # index of the position offsets' last alternative
_OFFSET_LIMITS = (2047, 8191, 32767, 131071, 2097151, 8388607)
_VERTICAL_LIMITS = (63, 127, 255, 511, 1023, 2047)


def encode_bsm(batch: Batch, path_points: Batch | None = None) -> Frames:
    """BSM frames of rows with the columns of `chelu.messages.BSM`; path_points: as `cv2x.decode` gives them.

    Points are written relative to their vehicle's position, which must then be known. OutOfRangeError names the first value
    a field cannot hold. The reference time of each frame is its time_us.
    """
    table = Table(len(batch))
    _identity(table, batch, "vehicle_id")
    table.set("secMark", batch["sec_mark_ms"].astype(np.int64))
    _quantities(table, batch, fields.BSM, {"pos.lat", "pos.long", "accelSet", "size.width", "size.length", "speed", "heading"})
    _path_prediction(table, batch["path_radius_m"], batch["path_confidence"])
    _accuracy(table)
    _codes(table, batch, fields.BSM_CODES, {"transmission", "vehicleClass.classification"})
    if path_points is not None and len(path_points):
        _path_history(table, batch, path_points)
    shape(_node("bsm"), "", table)
    return encode_wire("bsm", table, batch["time_us"])


def encode_rsm(batch: Batch, *, reference_position: Floats) -> Frames:
    """RSM frames of rows with the columns of `chelu.messages.PARTICIPANT` and ascending ``frame`` numbers.

    reference_position: (frames, 3) latitude °, longitude °, elevation m (NaN: unknown), one row per distinct frame number. A
    frame's message_count and rsu_id are those of its first row. More than 16 participants in a frame: OutOfRangeError.
    """
    first, owner, count = _groups(batch["frame"], "participants of a frame", 16)
    table, own = Table(len(first)), Table(len(batch))
    _identity(table, batch.take(first), "rsu_id")
    place = [_wire(column, item) for column, item in zip(reference_position.T, fields.PLACE, strict=True)]
    table.set("refPos.lat", place[0][0])
    table.set("refPos.long", place[1][0])
    table.set("refPos.elevation", *place[2])
    table.set("participants*", count - 1)
    _participants(own, batch)
    _offsets(own, "pos", batch, [column[owner] for column, _ in place])
    table.lists["participants"] = (owner, own)
    node = _node("rsm")
    shape(node, "", table)
    shape(_element(node, "participants"), "", own)
    return encode_wire("rsm", table, batch["time_us"][first])


def _participants(own: Table, batch: Batch) -> None:
    for path, column in (
        ("ptcType", "participant_type"),
        ("ptcId", "participant_id"),
        ("source", "source"),
        ("secMark", "sec_mark_ms"),
    ):
        own.set(path, batch[column].astype(np.int64))
    own.set("id", batch["vehicle_id"], batch["vehicle_id_valid"])
    _quantities(own, batch, fields.MOTION, {"speed", "heading", "size.width", "size.length"})
    is_moving = np.any([own.present(f"accelSet.{name}") for name in ("long", "lat", "vert", "yaw")], axis=0)
    _fill(own, is_moving, {"accelSet.long": 2001, "accelSet.lat": 2001, "accelSet.vert": -127, "accelSet.yaw": 0})
    codes = [code for code in fields.MOTION_CODES if code.path != "posConfidence.pos"]
    _codes(own, batch, codes, set())
    own.set("posConfidence.pos", np.where(batch["position_confidence_valid"], batch["position_confidence"], 0).astype(np.int64))


def encode_spat(batch: Batch) -> Frames:
    """SPAT frames of rows with the columns of `chelu.messages.SPAT` and ascending ``frame`` numbers.

    Within a frame, rows of one intersection and of one phase stand together in the order of their states. `timing` says how
    the times are written; each intersection carries minute of the year and milliseconds of its time_us.
    """
    frame, region = batch["frame"].astype(np.int64), np.where(batch["region_id_valid"], batch["region_id"].astype(np.int64), -1)
    crossing_key = _run_number(frame, region, batch["intersection_id"])
    phase_key = _run_number(crossing_key, batch["phase_id"])
    phase_first, phase, state_count = _groups(phase_key, "states of a phase", 16)
    crossing_first, crossing, phase_count = _groups(crossing_key[phase_first], "phases of an intersection", 16)
    crossing_first = phase_first[crossing_first]
    message_first, message, crossing_count = _groups(frame[crossing_first], "intersections of a frame", 32)
    head = batch.take(crossing_first[message_first])
    table, crossings, phases, states = (Table(len(part)) for part in (head, crossing, phase_first, batch))
    crossings = Table(len(crossing_first))
    table.set("msgCnt", head["message_count"].astype(np.int64))
    table.set("intersections*", crossing_count - 1)
    _crossings(crossings, batch.take(crossing_first), region[crossing_first], phase_count)
    phases.set("id", batch["phase_id"][phase_first].astype(np.int64))
    phases.set("phaseStates*", state_count - 1)
    _states(states, batch)
    phases.lists["phaseStates"] = (phase, states)
    crossings.lists["phases"] = (crossing, phases)
    table.lists["intersections"] = (message, crossings)
    node = _node("spat")
    shape(node, "", table)
    shape(_element(node, "intersections"), "", crossings)
    return encode_wire("spat", table, head["time_us"])


def shape(node: Node, path: str, table: Table) -> Bools | bool:
    """Fill in the shape columns of records from which fields are present; where anything of `node` is present."""
    if isinstance(node, Leaf):
        return _present(table, path)
    if not isinstance(node, Record):
        return _present(table, path + ("*" if isinstance(node, Listing) else "#"))
    bits: Ints | int = 0
    found: Bools | bool = False
    for member in node.members:
        is_there = shape(member.node, join(path, member.name), table)
        found = found is True or is_there is True or found | is_there
        if member.is_optional:
            bits = (bits << 1) | is_there
    table.set(path + "?", bits if isinstance(bits, np.ndarray) else np.full(table.rows, bits))
    return found


def _present(table: Table, path: str) -> Bools | bool:
    pieces = table.chunks.get(path, ())
    return any(rows is None for rows, _ in pieces) or (table.present(path) if pieces else False)


def _node(kind: str) -> Record:
    node = spec().root.members[KINDS.index(kind)].node
    assert isinstance(node, Record)  # noqa: S101  the module says so
    return node


def _member(node: Node, name: str) -> Node:
    assert isinstance(node, Record)  # noqa: S101  the module says so
    return next(member.node for member in node.members if member.name == name)


def _element(node: Node, name: str) -> Node:
    listing = _member(node, name)
    assert isinstance(listing, Listing)  # noqa: S101  the module says so
    return listing.element


def _identity(table: Table, batch: Batch, column: str) -> None:
    table.set("msgCnt", batch["message_count"].astype(np.int64))
    table.set("id", batch[column])


def _quantities(table: Table, batch: Batch, specs: Iterable[Quantity], mandatory: set[str]) -> None:
    for item in specs:
        if "pathPrediction" in item.path:
            continue
        values, is_known = _wire(batch[item.column], item)
        always = item.path in mandatory or item.path.partition(".")[0] in mandatory
        table.set(item.path, values, None if always else is_known)


def _wire(values: Floats, item: Quantity) -> tuple[Ints, Bools]:
    """Wire integers and where the value is known; unknown ones hold the code for it (0 where there is none)."""
    is_known = ~np.isnan(values)
    scaled = np.rint(values * (item.divisor / item.factor))
    if not is_known.all():
        scaled[~is_known] = item.unavailable or 0
    low, high = fields.BOUNDS[item.path]
    is_wrong = is_known & ((scaled < low) | (scaled > high))
    if is_wrong.any():
        _mend(scaled, is_wrong, values, item)
    return scaled.astype(np.int64), is_known


def _mend(scaled: Floats, is_wrong: Bools, values: Floats, item: Quantity) -> None:
    """Turn headings into the circle, saturate what may be; OutOfRangeError for anything else."""
    low, high = fields.BOUNDS[item.path]
    if item.path == "heading" and np.isfinite(scaled[is_wrong]).all():
        scaled[is_wrong] %= high + 1
    elif item.path.startswith(_SATURATES):
        scaled[is_wrong] = np.clip(scaled[is_wrong], low, high)
    else:
        bounds = (float(x * item.factor / item.divisor) for x in (low, high))
        raise OutOfRangeError(item.column, float(values[is_wrong.argmax()]), *bounds)


def _codes(table: Table, batch: Batch, specs: Iterable[fields.Code], mandatory: set[str]) -> None:
    for item in specs:
        values, is_valid = batch[item.column].astype(np.int64), batch[item.column + "_valid"]
        if item.path in mandatory:
            table.set(item.path, np.where(is_valid, values, item.unavailable or 0))
        else:
            table.set(item.path, values, is_valid)
    for inner, outer in (("elevation", "pos"),):
        has_inner = table.present(f"posConfidence.{inner}")
        _fill(table, has_inner | table.present(f"posConfidence.{outer}"), {f"posConfidence.{outer}": 0})
    if "vehicleClass.classification" not in mandatory:
        _fill(table, table.present("vehicleClass.fuelType"), {"vehicleClass.classification": 0})


def _fill(table: Table, where: Bools, defaults: Mapping[str, int]) -> None:
    """Make these fields present where `where` is true, with their default where they were absent."""
    for path, default in defaults.items():
        table.set(path, table.column(path, fill=default), where | table.present(path))


def _accuracy(table: Table) -> None:
    names = {"posAccuracy.semiMajor": 255, "posAccuracy.semiMinor": 255, "posAccuracy.orientation": 65535}
    _fill(table, np.any([table.present(name) for name in names], axis=0), names)


def _path_prediction(table: Table, radius: Floats, confidence: Floats) -> None:
    path = "safetyExt.pathPrediction"
    is_known = ~np.isnan(radius)
    wire = np.nan_to_num(np.where(np.abs(radius) > 3276.6, 3276.7, radius)) * 10
    table.set(f"{path}.radiusOfCurve", np.rint(wire).astype(np.int64), is_known)
    table.set(f"{path}.confidence", _share("path_confidence", confidence), is_known)


def _share(column: str, share: Floats) -> Ints:
    """Confidence in steps of 0.5 %, 0 where unknown."""
    is_wrong = (share < 0) | (share > 1)
    if is_wrong.any():
        raise OutOfRangeError(column, float(share[is_wrong.argmax()]), 0.0, 1.0)
    return np.asarray(np.rint(np.where(np.isnan(share), 0, share) * 200), np.int64)


def _path_history(table: Table, batch: Batch, points: Batch) -> None:
    owner = points["row"]
    count = np.bincount(owner, minlength=len(batch))
    if count.max() > 23:
        raise OutOfRangeError("path points of a BSM", int(count.max()), 1, 23)
    crumbs, path = Table(len(points)), "safetyExt.pathHistory"
    anchor = [table.column("pos.lat"), table.column("pos.long"), table.column("pos.elevation", fill=UNKNOWN_ELEVATION)]
    _offsets(crumbs, "llvOffset", points, [part[owner] for part in anchor])
    age = np.where(np.isnan(points["age_s"]), 655.35, np.clip(points["age_s"], 0.01, 655.34))
    crumbs.set("timeOffset", np.rint(age * 100).astype(np.int64))
    speed, is_known = _wire(points["speed_mps"], Quantity("speed_mps", "speed", 50, unavailable=8191))
    crumbs.set("speed", speed, is_known)
    heading, is_known = _wire(points["heading_deg"], fields.MOTION[1])
    coarse = (heading + 60) // 120
    crumbs.set("heading", np.where(coarse == 240, 0, coarse), is_known)
    has_pos, has_elevation = points["position_confidence_valid"], points["elevation_confidence_valid"]
    confidence = np.where(has_pos, points["position_confidence"], 0).astype(np.int64)
    crumbs.set("posAccuracy.pos", confidence, has_pos | has_elevation)
    crumbs.set("posAccuracy.elevation", points["elevation_confidence"].astype(np.int64), has_elevation)
    history = _member(_member(_node("bsm"), "safetyExt"), "pathHistory")
    shape(_element(history, "crumbData"), "", crumbs)
    table.set(f"{path}.crumbData*", count - 1, count > 0)
    table.lists[f"{path}.crumbData"] = (owner, crumbs)


def _offsets(table: Table, path: str, batch: Batch, anchor: Sequence[Ints]) -> None:
    """PositionOffsetLLV of positions from `anchor`, three columns in wire units: the narrowest alternative that holds each."""
    (latitude, _), (longitude, _), (height, has_height) = (_wire(batch[item.column], item) for item in fields.PLACE)
    is_lost = (latitude == UNKNOWN_LATITUDE) | (longitude == UNKNOWN_LONGITUDE)
    is_lost |= (anchor[0] == UNKNOWN_LATITUDE) | (anchor[1] == UNKNOWN_LONGITUDE)
    north, east = latitude - anchor[0], longitude - anchor[1]
    index = _narrowest(_OFFSET_LIMITS, np.maximum(np.abs(north), np.abs(east)), is_lost)
    table.set(f"{path}.offsetLL#", index)
    table.set(f"{path}.offsetLL.lat", np.where(index == ABSOLUTE, latitude, north))
    table.set(f"{path}.offsetLL.lon", np.where(index == ABSOLUTE, longitude, east))
    up = height - anchor[2]
    index = _narrowest(_VERTICAL_LIMITS, np.abs(up), anchor[2] == UNKNOWN_ELEVATION)
    table.set(f"{path}.offsetV#", index, has_height)
    table.set(f"{path}.offsetV", np.where(index == ABSOLUTE, height, up), has_height)


def _narrowest(limits: Sequence[int], size: Ints, is_absolute: Bools) -> Ints:
    """The first alternative whose limit is not exceeded, the absolute one where none or where offsets mean nothing."""
    index = (size > limits[0]).view(np.int8)
    for limit in limits[1:]:
        index += size > limit
    index[is_absolute] = ABSOLUTE
    return index.astype(np.int64)


def _groups(key: npt.NDArray[Any], what: str, most: int) -> tuple[Ints, Ints, Ints]:
    """Runs of equal keys: (first row of each, run of each row, rows of each)."""
    is_first = np.ones(len(key), np.bool_)
    is_first[1:] = key[1:] != key[:-1]
    first, owner = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    count = np.bincount(owner, minlength=len(first))
    if len(count) and count.max() > most:
        raise OutOfRangeError(what, int(count.max()), 1, most)
    return first, owner, count


def _run_number(*columns: npt.NDArray[Any]) -> Ints:
    is_first = np.ones(len(columns[0]), np.bool_)
    is_first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.cumsum(is_first)


def _crossings(table: Table, rows: Batch, region: Ints, phases: Ints) -> None:
    table.set("intersectionId.region", region, region >= 0)
    table.set("intersectionId.id", rows["intersection_id"].astype(np.int64))
    table.set("status", rows["status"].astype(np.int64))
    minute, mark = minute_of_year(rows["time_us"])
    table.set("moy", minute)
    table.set("timeStamp", mark)
    table.set("phases*", phases - 1)


_SPAT_TIMES = (  # column, counting down, UTC, bit of the optional field
    ("start_s", "startTime", "startUTCTime", 0),
    ("min_end_s", "minEndTime", "minEndUTCTime", 16),
    ("max_end_s", "maxEndTime", "maxEndUTCTime", 8),
    ("likely_end_s", "likelyEndTime", "likelyEndUTCTime", 0),
    ("next_start_s", "nextStartTime", "nextStartUTCTime", 2),
)


def _states(table: Table, batch: Batch) -> None:
    timing = batch["timing"].astype(np.int64)
    table.set("light", batch["light"].astype(np.int64))
    table.set("timing#", timing - 1, timing > 0)
    table.set("?", (timing > 0).astype(np.int64))
    bits = np.zeros(len(batch), np.int64)
    in_hour = batch["time_us"] % 3_600_000_000 / 1e6
    for column, counting, clock, bit in _SPAT_TIMES:
        table.set(f"timing.{counting}", _mark(batch[column]))
        table.set(f"timing.{clock}", _clock(batch[column], in_hour))
        bits |= np.where(np.isnan(batch[column]), 0, bit)
    ends = batch["next_start_s"] + batch["next_duration_s"]
    table.set("timing.nextDuration", _mark(batch["next_duration_s"]))
    table.set("timing.nextEndUTCTime", _clock(ends, in_hour))
    bits |= np.where(np.isnan(np.where(timing == 2, ends, batch["next_duration_s"])), 0, 1)
    table.set("timing.timeConfidence", _share("confidence", batch["confidence"]))
    bits |= np.where(np.isnan(batch["confidence"]), 0, 4)
    table.set("timing?", bits)


def _mark(seconds: Floats) -> Ints:
    """TimeMark counting down: what is past is now, more than an hour is 36000."""
    return np.where(np.isnan(seconds), MARK_UNKNOWN, np.clip(np.rint(seconds * 10), 0, MARK_MORE)).astype(np.int64)


def _clock(seconds: Floats, in_hour: Floats) -> Ints:
    """TimeMark within the hour; an hour away or more is 36000."""
    mark = np.rint(np.nan_to_num(np.clip(seconds, -3600, 3600) + in_hour) * 10) % MARK_MORE
    return np.where(np.isnan(seconds), MARK_UNKNOWN, np.where(seconds >= 3600, MARK_MORE, mark)).astype(np.int64)
