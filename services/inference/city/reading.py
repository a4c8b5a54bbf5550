"""From what counters send to what traffic state counts by: traffic messages of roadside computers, and samples of sensors.

A sensor counts on the segment that its label ``segment`` names, else on the one nearest to its place; a roadside computer says
with each entry where it lies. A sensor says how many vehicles in a period and not which: it is the time since its sample before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.quantities import QUANTITIES
from chelu.roads.matching import match
from services.inference.city.state.counters import Counts
from services.inference.city.state.layout import COUNTED
from services.inference.network import NetworkRoads
from services.inference.register import Device
from services.inference.reports import Floats, Ints

_NUMBER = {one.name: one.code for one in QUANTITIES}
VEHICLES, FLOW, SPEED = _NUMBER["vehicle_count"], _NUMBER["traffic_flow"], _NUMBER["average_vehicle_speed"]
_REACH_M = 12.0
_LONGEST_US = 3_600_000_000  # a sensor that was silent for longer begins anew
_PLACES = 1 << 20  # counters of one device


@dataclass(frozen=True, slots=True)
class Heard:
    """What a micro-batch brought: rows of `chelu.messages.TRAFFIC` and of OBSERVATION, with their device's key."""

    traffic: Sequence[Batch]
    observations: Sequence[Batch]
    frame: LocalFrame
    devices: Mapping[int, Device]
    now_us: int


def counts_of(heard: Heard, roads: NetworkRoads, segment_of_lane: Ints, ends: dict[int, int]) -> Counts:
    """All reports of vehicles counted; segment_of_lane: the layout's; ends: by counter, when its last period ended."""
    parts = [_of_traffic(rows, heard.frame, roads, segment_of_lane) for rows in heard.traffic]
    parts += [part for rows in heard.observations for part in _of_sensors(rows, heard, roads, segment_of_lane, ends)]
    none, nothing = np.empty(0, np.int64), np.empty(0)
    parts = parts or [Counts(none, none, none, none, nothing, nothing)]
    return Counts(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Counts)))


def _of_traffic(rows: Batch, frame: LocalFrame, roads: NetworkRoads, segment_of_lane: Ints) -> Counts:
    """By device, period and segment the vehicles of the flows; of the lanes where no flow is told."""
    segment = _nearest(frame, roads, segment_of_lane, rows["latitude_deg"], rows["longitude_deg"], rows["elevation_m"])
    is_told = rows["vehicles_valid"] & rows["started_us_valid"] & rows["ended_us_valid"]
    key = np.column_stack([rows["device_key"], segment, rows["started_us"], rows["ended_us"]]).astype(np.int64)[is_told]
    groups, group = np.unique(key, axis=0, return_inverse=True)
    is_lane, vehicles = rows["is_lane"][is_told].astype(np.bool_), rows["vehicles"][is_told].astype(np.float64)
    by_flow, by_lane = (np.bincount(group[mask], vehicles[mask], len(groups)) for mask in (~is_lane, is_lane))
    has_flow = np.bincount(group[~is_lane], minlength=len(groups)) > 0
    counter = groups[:, 0] * _PLACES + groups[:, 1] + 1
    counted = np.where(has_flow, by_flow, by_lane)
    return Counts(counter, groups[:, 1], groups[:, 2], groups[:, 3], counted, np.full(len(groups), np.nan))


def _of_sensors(rows: Batch, heard: Heard, roads: NetworkRoads, segment_of_lane: Ints, ends: dict[int, int]) -> list[Counts]:
    """By sensor and instant: channels together, speeds in the mean."""
    counts = np.flatnonzero(np.isin(rows["quantity"], [VEHICLES, FLOW]) & np.isfinite(rows["value"]))
    found = []
    for device, time_us in np.unique(np.column_stack([rows["device_key"], rows["time_us"]])[counts], axis=0).tolist():
        before_us = ends.get(device)
        ends[device] = max(time_us, before_us or 0)
        if before_us is None or time_us == before_us or time_us - before_us > _LONGEST_US:
            continue  # its first sample, the same one again, or the first after a long silence; one that goes back is blamed
        here = rows.take((rows["device_key"] == device) & (rows["time_us"] == time_us) & np.isfinite(rows["value"]))
        vehicles, flow, speed = (here["value"][here["quantity"] == quantity] for quantity in (VEHICLES, FLOW, SPEED))
        total = float(vehicles.sum()) if len(vehicles) else float(flow.sum()) * (time_us - before_us) / 1e6
        mean = float(np.mean(speed)) if len(speed) else float("nan")
        segment = _segment_of(heard, roads, segment_of_lane, device)
        found.append(_columns(device * _PLACES, segment, before_us, time_us, total, mean))
    return found


def _columns(counter: int, segment: int, from_us: int, to_us: int, vehicles: float, speed_mps: float) -> Counts:
    whole = [np.array([one], np.int64) for one in (counter, segment, from_us, to_us)]
    return Counts(whole[0], whole[1], whole[2], whole[3], np.array([vehicles]), np.array([speed_mps]))


def _segment_of(heard: Heard, roads: NetworkRoads, segment_of_lane: Ints, key: int) -> int:
    device = heard.devices.get(key)
    named = device.labels.get("segment") if device is not None else None
    if named is not None:
        lanes = np.flatnonzero(roads.network.links.id[roads.network.lanes.link] == named)
        rows = segment_of_lane[lanes]
        return int(rows.max(initial=-1))
    if device is None or device.place is None:
        return -1
    return int(_nearest(heard.frame, roads, segment_of_lane, *(np.array([one]) for one in device.place))[0])


def _nearest(frame: LocalFrame, roads: NetworkRoads, segment_of_lane: Ints, *place: Floats) -> Ints:
    """The segments (n,) nearest to places, −1 where there is none within reach."""
    latitude, longitude, elevation = place
    xyz = frame.to_local(latitude, longitude, np.nan_to_num(elevation, nan=frame.elevation_m))
    xyz[np.isnan(elevation), 2] = np.nan
    lane = match(roads.network, xyz, np.full(len(xyz), np.nan), reach_m=_REACH_M).lane.astype(np.int64)
    is_road = (lane >= 0) & np.isin(roads.network.lane_kind()[lane], COUNTED)
    return np.where(is_road, segment_of_lane[lane], -1)
