"""Vehicles whose ways cross, as MQTT packets with the time at which each goes out: what `evaluation.bench.warning` is made of."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from chelu.bus import packets
from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import BSM, Batch
from services.inference.reports import Floats, Ints

FRAME = LocalFrame(29.55, 106.57, 250.0)
SPEED_MPS, CYCLE_S, SPACE_M, PARTS, TICK_S = 14.0, 8.0, 130.0, 20, 0.1
PAIR_EVERY = 20
LEAD_S = 3.0
TOPIC = "obu/obu-{}/{}"
PLAN_SHARE = 1.5  # of the time that planning may take over what its first tick took


@dataclass(frozen=True, slots=True)
class Send:
    """What goes out at one instant: vehicle ids and the MQTT bytes of all their messages."""

    due_us: int
    tick: int
    vehicles: list[int]
    data: bytes


def plan(vehicles: int, seconds: float, *, start_us: int) -> list[Send]:
    """All messages, encoded: each tick's vehicles in `PARTS` groups, evenly over the tick."""
    order, phase = _drawn(vehicles)
    groups, sends = np.array_split(order, PARTS), list[Send]()
    for tick in range(round(seconds / TICK_S)):
        due = np.empty(vehicles, np.int64)
        for part, group in enumerate(groups):
            due[group] = start_us + round((tick + part / PARTS) * TICK_S * 1e6)
        frames = cv2x.encode_bsm(_bsm(tick, due, phase))
        for group in groups:
            packets = [_packet(one + 1, frames.frame(one)) for one in group.tolist()]
            sends.append(Send(int(due[group[0]]), tick, (group + 1).tolist(), b"".join(packets)))
    return sends


def plan_s(vehicles: int, seconds: float) -> float:
    """Seconds that `plan` is given, about: how long planning may take: the load begins at a time that its messages tell."""
    plan(vehicles, TICK_S, start_us=0)
    began = time.perf_counter()
    plan(vehicles, TICK_S, start_us=0)
    return (time.perf_counter() - began) * PLAN_SHARE * seconds / TICK_S


def _bsm(tick: int, due_us: Ints, phase_s: Floats) -> Batch:
    n = len(due_us)
    number = np.arange(n)
    pair, is_second = number // 2, number % 2 == 1
    crosses = is_second & (pair % (PAIR_EVERY // 2) == 0)
    left = SPEED_MPS * (CYCLE_S / 2 - np.mod(tick * TICK_S + phase_s[pair], CYCLE_S))
    columns = int(np.ceil(np.sqrt(n)))
    east, north = (pair % columns) * SPACE_M, (pair // columns) * SPACE_M + np.where(is_second & ~crosses, 30.0, 0.0)
    xyz = np.stack([np.where(crosses, east - left, east), np.where(crosses, north, north - left), np.zeros(n)], axis=1)
    latitude, longitude, elevation = FRAME.to_geodetic(xyz)
    base = {name: np.full(n, np.nan) if kind.kind == "f" else np.zeros(n, kind) for name, kind in BSM.dtypes().items()}
    still = ("acceleration_longitudinal_mps2", "acceleration_lateral_mps2", "acceleration_vertical_mps2", "yaw_rate_dps")
    return Batch(base | dict.fromkeys(still, np.zeros(n))).with_columns(
        time_us=due_us,
        sec_mark_ms=(due_us // 1000 % 60000).astype(np.uint16),
        message_count=np.full(n, tick % 128, np.uint8),
        vehicle_id=(number + 1).astype(np.uint64),
        latitude_deg=latitude,
        longitude_deg=longitude,
        elevation_m=elevation,
        speed_mps=np.full(n, SPEED_MPS),
        heading_deg=np.where(crosses, 90.0, 0.0),
        length_m=np.full(n, 4.6),
        width_m=np.full(n, 1.8),
        vehicle_class=np.full(n, 10, np.uint8),
        vehicle_class_valid=np.ones(n, np.bool_),
        transmission_valid=np.ones(n, np.bool_),
    )


class Meetings:
    """Who has to be warned in a load of so many seconds: both of a pair at each time that their ways cross.

    The first `LEAD_S` are left out: who meets in them has hardly been heard of.
    """

    def __init__(self, vehicles: int, seconds: float) -> None:
        _, self._phase_s = _drawn(vehicles)
        crossing = np.arange(0, vehicles // 2, PAIR_EVERY // 2)
        turns = np.arange(2 + int(seconds // CYCLE_S))
        at_s = (turns + 0.5) * CYCLE_S - self._phase_s[crossing][:, None]
        pair, turn = np.nonzero((at_s >= LEAD_S) & (at_s <= seconds))
        both = [(2 * int(crossing[one]) + number, int(which)) for one, which in zip(pair, turn, strict=True) for number in (1, 2)]
        self.expected = frozenset(both)

    def told(self, warned: Iterable[tuple[int, float]]) -> int:
        """How many of those expected are among the warned: vehicle, and when the cause was sent (s). Twice counts once."""
        found = {(vehicle, int((at_s + self._phase_s[(vehicle - 1) // 2]) // CYCLE_S)) for vehicle, at_s in warned}
        return len(found & self.expected)


def _drawn(vehicles: int) -> tuple[Ints, Floats]:
    """In which order they speak, and where in its cycle each pair begins."""
    random = np.random.default_rng(1)
    return random.permutation(vehicles), random.uniform(0, CYCLE_S, (vehicles + 1) // 2)


def _packet(vehicle: int, frame: bytes) -> bytes:
    return packets.publish(TOPIC.format(vehicle, "bsm/up"), frame, qos=0, retain=False, packet_id=0)
