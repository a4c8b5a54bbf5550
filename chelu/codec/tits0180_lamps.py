"""Signal lamps of T/ITS 0180.1-2021 → rows of SPAT: annex B's phases with two states ahead, and table 23's groups of lamps.

The standard names the fields of table 23 in Chinese only; they are taken by these names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.codec.json_columns import Floats, Number, read_numbers
from chelu.codec.roadside import Decoded, Reading, Remark
from chelu.codec.tits0180_documents import (
    TIME,
    Faults,
    Ints,
    Opened,
    leftovers,
    list_of,
    micros,
    nobody,
    node_of,
    parsed,
    serial_of,
    unstorable,
    whole,
)
from chelu.codec.tits0180_phases import LAMPS, LARGEST, UNSAID, columns, side_of
from chelu.errors import MalformedError, NotAllowedError
from chelu.messages import SPAT, Batch, Column, DropReason, Frames, empty, filled

STATES = 3  # now, next, the one after
COUNTING_DOWN = 1
SHORT, LONG = 0, 255  # table 23: a time that is not known, and one of more than 254 s
ARROWS = (1, 2, 3, 9)  # kinds of lamps that show an arrow, whose green lets nobody cross
BITS = 16  # of IntersectionStatusObject, the first is the highest
MANUAL, PREEMPTED, PRIORITY, FIXED_TIME, ACTUATED, FAILED, OFF = (1 << (BITS - 1 - bit) for bit in (0, 3, 4, 5, 6, 8, 9))
CONTROL_B = {11: OFF, 21: FIXED_TIME, 22: ACTUATED, 23: ACTUATED, 51: MANUAL, 52: MANUAL, 53: MANUAL}  # table B.1
CONTROL_22 = {2: FIXED_TIME, 3: MANUAL, 4: ACTUATED, 6: ACTUATED, 7: PRIORITY, 8: PREEMPTED}
GROUP, KIND, COLOUR, LEFT = "灯组编号", "灯组类型", "灯组灯色", "色步数"  # table 23

HEADS = (
    TIME,
    Number("direction_deg", "direction", 0, 360),
    Number("confidence", "confidence", 0, 1),
    Number("control", "controlMode", 0, 255, is_whole=True),
    Number("status", "status", 0, 255, is_whole=True),
    Number("real_status", "crossRealStatus", 0, 255, is_whole=True),
    Number("longitude_deg", "longitude", -180, 180),
    Number("latitude_deg", "latitude", -90, 90),
    Number("elevation_m", "elevation", -500, 9000),
)
PHASES = (
    Number("phase", "phaseId", 0, LARGEST, is_required=True, is_whole=True),
    Number("light0", "lightStatus", 0, 8, is_required=True, is_whole=True),
    Number("left0", "countDown", 0, 65535, is_required=True),
    Number("light1", "lightStatusNext", 0, 8, is_whole=True),
    Number("left1", "nextCountDown", 0, 65535),
    Number("light2", "lightStatusNextNext", 0, 8, is_whole=True),
    Number("left2", "nextNextCountDown", 0, 65535),
    Number("data_source", "dataSource", 0, 255, is_whole=True),
)
GROUPS = (
    Number("phase", GROUP, 0, 255, is_whole=True),
    Number("kind", KIND, 1, len(LAMPS), is_required=True, is_whole=True),
    Number("colour", COLOUR, 0, 255, is_required=True, is_whole=True),
    Number("left0", LEFT, 0, 255),
    Number("direction_deg", "direction", 0, 360),
)
HELD = frozenset(
    {"timeStamp", "signalControllerStamp", "rscuSn", "crossId", "confidence", "lampRealInfos", "Lamplist", "lampList", "ack"}
)


@dataclass(frozen=True, slots=True)
class _Head:
    """What a document says of its crossing."""

    region: int | None
    node: int
    time_us: int
    confidence: float
    status: int
    direction_deg: float


@dataclass(frozen=True, slots=True)
class _States:
    """Lamps (n,) as states (n, 3): light, NaN where none is announced, and seconds that it lasts from when it begins."""

    phase: npt.NDArray[np.int16]
    light: Floats
    lasts_s: Floats
    said: tuple[Column, Column, Column]  # approach, movement, road_user; `UNSAID` where nothing is said


def read_lamps(frames: Frames, readings: Sequence[Reading]) -> Decoded:
    """``lamp/up`` documents, a payload each: `chelu.codec.roadside.Reader`."""
    by_annex, by_table = Opened(), Opened()
    heads: dict[int, _Head] = {}
    remarks: list[Remark] = []
    for frame in range(len(frames)):
        try:
            _open(frames, frame, by_annex, by_table, heads, remarks)
        except MalformedError as error:
            by_annex.refuse(frame, error)
    parts, faults = [], []
    for opened, read in ((by_annex, _phases), (by_table, _groups)):
        if opened.items:
            states, found = read(opened, heads, readings)
            faults.append((opened, found))
            keep = np.ones(len(opened.items), np.bool_)
            keep[list(found)] = False
            parts.append(_rows(states, opened.item_frame, heads, keep))
    rejects = [(int(opened.item_frame[row]), *found[row]) for opened, found in faults for row in sorted(found)]
    by_annex.refused += rejects
    spat = _together(parts)
    return Decoded(nobody(), (), by_annex.rejects(()), {"spat": spat}, tuple(remarks), by_annex.asked())


def _open(frames: Frames, frame: int, by_annex: Opened, by_table: Opened, heads: dict[int, _Head], remarks: list[Remark]) -> None:
    document, numbers = parsed(frames, frame, HEADS, stamp="signalControllerStamp")
    serial_of(document, is_required=False)
    region, node = node_of(document.get("crossId"))
    items = list_of(document, "lampRealInfos")
    groups = list_of(document, "Lamplist", "lampList")
    body = leftovers(document, HELD)
    if said := unstorable(body, "document"):
        raise MalformedError(DropReason.UNDECODABLE, said)
    head = _Head(
        region,
        node,
        int(micros(np.array([numbers["time_ms"]]))[0]),
        numbers["confidence"],
        _status(numbers),
        numbers["direction_deg"],
    )
    heads[frame] = head
    by_annex.add(frame, document, [(item, f"lampRealInfos[{place}]") for place, item in enumerate(items)])
    by_table.add(frame, document, [(item, f"Lamplist[{place}]") for place, item in enumerate(groups)])
    if body:
        remarks.append(Remark(frame, "spat", node, head.time_us, body))


def _status(numbers: Mapping[str, float]) -> int:
    """IntersectionStatusObject, as far as either form tells: annex B has crossRealStatus where table 22 has status."""
    control = int(numbers["control"]) if numbers["control"] == numbers["control"] else 0
    is_annex = numbers["real_status"] == numbers["real_status"] or control > 9
    has_failed = numbers["real_status"] == 1 if is_annex else numbers["status"] == 2
    return (CONTROL_B if is_annex else CONTROL_22).get(control, 0) | (FAILED if has_failed else 0)


def _phases(opened: Opened, _heads: Mapping[int, _Head], readings: Sequence[Reading]) -> tuple[_States, Faults]:
    """Annex B's lamps, whose numbers say what they are for."""
    found = read_numbers(opened.items, PHASES, names=opened.names)
    faults: Faults = {row: (DropReason.OUT_OF_RANGE, said) for row, said in found.faults.items()}
    one, rules = found.columns, [readings[frame].phase_rule for frame in opened.item_frame.tolist()]
    phase = whole(one["phase"], "i2")
    said = np.full((3, len(phase)), UNSAID, np.uint8)
    for rule in set(rules):
        mine = np.flatnonzero([rule == other for other in rules])
        known, numbers = columns(rule), np.clip(phase[mine], 0, LARGEST)
        for row in mine[~known.is_known[numbers]].tolist():
            allowed = f"a phase of rule {rule}"
            detail = str(NotAllowedError(f"{opened.names[row]}.phaseId", int(phase[row]), allowed))
            faults.setdefault(row, (DropReason.OUT_OF_RANGE, detail))
        said[:, mine] = known.approach[numbers], known.movement[numbers], known.road_user[numbers]
    light = np.stack([one[f"light{state}"] for state in range(STATES)], axis=1)
    lasts = np.stack([one[f"left{state}"] for state in range(STATES)], axis=1)
    return _States(phase, light, lasts, (said[0], said[1], said[2])), faults


def _groups(opened: Opened, heads: Mapping[int, _Head], _readings: Sequence[Reading]) -> tuple[_States, Faults]:
    """Table 23's lamps: a kind, the bits of three colours, and the time that is left. Without a number they get rule entry's."""
    found = read_numbers(opened.items, GROUPS, names=opened.names)
    faults: Faults = {row: (DropReason.OUT_OF_RANGE, said) for row, said in found.faults.items()}
    one, frame = found.columns, opened.item_frame
    general = np.array([heads[index].direction_deg for index in frame.tolist()])
    direction = np.where(np.isnan(one["direction_deg"]), general, one["direction_deg"])
    kind = whole(one["kind"], "u1")
    side = np.array([UNSAID if np.isnan(angle) else side_of(angle) for angle in direction.tolist()], np.uint8)
    for row in np.flatnonzero(np.isnan(one["phase"]) & (side == UNSAID)).tolist():
        faults.setdefault(row, (DropReason.OUT_OF_RANGE, f"{opened.names[row]}.{GROUP} is missing, and so is direction"))
    phase = np.where(np.isnan(one["phase"]), side.astype(np.int16) % 8 << 4 | kind, whole(one["phase"], "i2")).astype(np.int16)
    uses = [LAMPS.get(number, (None, None)) for number in kind.tolist()]
    movement, user = (
        np.array([UNSAID if use[place] is None else int(use[place] or 0) for use in uses], np.uint8) for place in (0, 1)
    )
    lasts = np.where((one["left0"] == SHORT) | (one["left0"] == LONG), np.nan, one["left0"])
    blank = np.full((len(phase), STATES), np.nan)
    light, left = blank.copy(), blank
    light[:, 0], left[:, 0] = _light(whole(one["colour"], "u1"), kind), lasts
    return _States(phase, light, left, (side, movement, user)), faults


def _light(colour: npt.NDArray[np.uint8], kind: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """LightState of three lamps' bits: 1 off 2 lit 3 flashing; what lets go before what stops."""
    red, yellow, green = colour & 3, colour >> 2 & 3, colour >> 4 & 3
    is_dark = (red < 2) & (yellow < 2) & (green < 2) & ((red | yellow | green) > 0)
    return np.select(
        [green == 2, green == 3, yellow == 2, yellow == 3, red == 2, red == 3, is_dark],
        [np.where(np.isin(kind, ARROWS), 6, 5), 4, 7, 8, 3, 2, 1],
        0,
    )


def _rows(states: _States, frame: Ints, heads: Mapping[int, _Head], keep: npt.NDArray[np.bool_]) -> Batch:
    """A row for each state of each lamp that is kept."""
    lamp, state = np.nonzero(~np.isnan(states.light) & keep[:, None])
    mine = [heads[index] for index in frame[lamp].tolist()]
    ends = np.cumsum(states.lasts_s, axis=1)
    start = np.concatenate([np.zeros((len(ends), 1)), ends[:, :-1]], axis=1)
    region = np.array([-1 if head.region is None else head.region for head in mine], np.int64)
    said = {}
    for name, column in zip(("approach", "movement", "road_user"), states.said, strict=True):
        said[name] = np.where(column[lamp] == UNSAID, 0, column[lamp]).astype(np.uint8)
        said[f"{name}_valid"] = column[lamp] != UNSAID
    return filled(
        SPAT,
        len(lamp),
        frame=frame[lamp],
        time_us=np.array([head.time_us for head in mine], np.int64),
        region_id=np.maximum(region, 0).astype(np.uint16),
        region_id_valid=region >= 0,
        intersection_id=np.array([head.node for head in mine], np.uint16),
        status=np.array([head.status for head in mine], np.uint16),
        phase_id=states.phase[lamp],
        state_index=state.astype(np.uint8),
        light=states.light[lamp, state].astype(np.uint8),
        timing=np.where(np.isnan(ends[lamp, state]), 0, COUNTING_DOWN).astype(np.uint8),
        start_s=start[lamp, state],
        likely_end_s=ends[lamp, state],
        confidence=np.array([head.confidence for head in mine], np.float64),
        **said,
    )


def _together(parts: Sequence[Batch]) -> Batch:
    if not parts:
        return empty(SPAT).with_columns(frame=np.empty(0, np.int64))
    joined = Batch({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    return joined.take(np.argsort(joined["frame"], kind="stable"))
