"""What roadside units say of their own: RSMs of 16 participants that drive by, SPATs of one crossing, 10 times a second each.

A period of all units is encoded in one call when its first message is due. Units are few, so their packets are put together one
by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x, envelope
from chelu.codec.envelope import Envelope
from chelu.messages import PARTICIPANT, SPAT, Frames, filled
from simulators.encoding import DEVICE_MARK
from simulators.load.devices import Devices
from simulators.load.lanes import WIRE, lanes
from simulators.load.numbering import number_at
from simulators.load.portion import Portion
from simulators.load.rounds import packet_of
from simulators.load.schedule import Schedule
from simulators.load.settings import ROADSIDE_HZ

Ints = npt.NDArray[np.int64]
PARTICIPANTS = 16  # ParticipantList SIZE(1..16)
PHASES = 8
APART_DEG = 0.05  # where participants drive: east of the vehicles that send BSMs
PHASE_S = 15.0
RED, GREEN, YELLOW, YELLOW_S = 3, 6, 7, 3.0  # LightState
MOTOR, INTEGRATED, COUNTING_DOWN = 1, 7, 1  # ParticipantType, SourceType, how a phase's times are written

# Frames of all units from the instants (units,) in µs UTC and since the beginning, and the message count (units,).
Encode = Callable[[Ints, Ints, Ints], Frames]


class RoadsideSource:
    """`simulators.load.portion.Source` of RSMs or SPATs."""

    def __init__(self, devices: Devices, stream: str) -> None:
        settings = devices.settings
        self.stream, self.per_s = stream, len(devices.rsus) * ROADSIDE_HZ
        self._devices, self._qos = devices, settings.qos
        self._encode: Encode = _participants(devices) if stream == "rsm" else _signals(devices)
        self._rows = PARTICIPANTS if stream == "rsm" else PHASES
        self._first = np.random.default_rng([settings.seed, 3, len(stream)]).integers(0, 128, len(devices.rsus))
        rounds = max(1, round(settings.seconds * ROADSIDE_HZ))
        self._schedule = Schedule(len(devices.rsus), 1e6 / ROADSIDE_HZ, rounds)
        self._start_us = self._at = 0
        self._round: tuple[int, Portion] | None = None

    def begin(self, start_us: int) -> None:
        self._start_us = start_us

    @property
    def next_us(self) -> int | None:
        return None if self._at >= self._schedule.total else int(self._schedule.due_us(self._at, self._at + 1)[0])

    def skip(self, due_us: int) -> tuple[int, int]:
        begin, self._at = self._at, max(self._at, self._schedule.before(due_us))
        return self._at - begin, self._at - begin

    def until(self, due_us: int) -> Sequence[Portion]:
        end, found = self._schedule.before(due_us), []
        while self._at < end:
            number, at = divmod(self._at, self._schedule.messages)
            upto = min(end - self._at + at, self._schedule.messages)
            found.append(self._whole(number).part(at, upto))
            self._at += upto - at
        return [replace(portion, data=portion.data.copy()) for portion in found]

    def _whole(self, number: int) -> Portion:
        if self._round is None or self._round[0] != number:
            self._round = number, self._made(number)
        return self._round[1]

    def _made(self, number: int) -> Portion:
        """All units' messages of one period."""
        units, vehicles = self._schedule.messages, len(self._devices.obus)
        due_us = self._schedule.due_us(number * units, (number + 1) * units)
        frames = self._encode(self._start_us + due_us, due_us, (self._first + number) % 128)
        packets, sizes = [], []
        for unit, instant_us in enumerate((self._start_us + due_us).tolist()):
            mark = DEVICE_MARK + self._devices.rsu_numbers[unit].to_bytes(8, "big")[1:]
            inside = [frames.frame(unit)]
            payload = envelope.pack(Envelope.DEPLOYED, inside, device_id=mark, reference_us=instant_us, is_bsm=False)
            packets.append(packet_of(self._devices, vehicles + unit, self.stream, payload))
            sizes.append(len(payload))
        data, stop = np.frombuffer(b"".join(packets), np.uint8).copy(), np.cumsum([len(packet) for packet in packets])
        payload_at = stop - np.array(sizes)
        sequence = np.full(units, self._start_us // 1000 + number if self._qos else 0)
        if self._qos:
            number_at(data, payload_at, sequence)
        one = np.ones(units, np.int64)
        start = np.concatenate([[0], stop[:-1]])
        return Portion(
            self.stream, data, start, stop, payload_at, vehicles + np.arange(units), one, one * self._rows, due_us, sequence
        )


def _participants(devices: Devices) -> Encode:
    settings, units = devices.settings, len(devices.rsus)
    place = replace(settings.origin, longitude_deg=settings.origin.longitude_deg + APART_DEG)
    way = lanes(units * PARTICIPANTS, place, np.random.default_rng([settings.seed, 4]))
    who = np.arange(units * PARTICIPANTS)
    unit = who // PARTICIPANTS
    numbers = np.array(devices.rsu_numbers, np.uint64)
    reference = np.column_stack([way.there[::PARTICIPANTS] / WIRE, np.full(units, way.elevation_m)])
    n, still = len(who), np.zeros(len(who))

    def encode(time_us: Ints, due_us: Ints, count: Ints) -> Frames:
        latitude, longitude, is_back = way.at(who, due_us[unit] / 1e6)
        batch = filled(
            PARTICIPANT,
            n,
            time_us=time_us[unit],
            sec_mark_ms=(time_us[unit] // 1000 % 60_000).astype(np.uint16),
            message_count=count[unit].astype(np.uint8),
            rsu_id=numbers[unit],
            participant_type=np.full(n, MOTOR, np.uint8),
            participant_id=(who % PARTICIPANTS).astype(np.uint16),
            source=np.full(n, INTEGRATED, np.uint8),
            latitude_deg=latitude / WIRE,
            longitude_deg=longitude / WIRE,
            elevation_m=np.full(n, way.elevation_m),
            speed_mps=way.speed_mps,
            heading_deg=(way.heading_deg + 180.0 * is_back) % 360,
            acceleration_longitudinal_mps2=still,
            acceleration_lateral_mps2=still,
            acceleration_vertical_mps2=still,
            yaw_rate_dps=still,
            length_m=still + 4.6,
            width_m=still + 1.8,
            height_m=still + 1.5,
            vehicle_class=np.full(n, 10, np.uint8),
            vehicle_class_valid=np.ones(n, np.bool_),
            frame=unit,
        )
        return cv2x.encode_rsm(batch, reference_position=reference)

    return encode


def _signals(devices: Devices) -> Encode:
    """Every phase is green for 12 s, yellow for 3 s, and red while the three other pairs have their turn."""
    units = len(devices.rsus)
    row = np.arange(units * PHASES)
    unit, phase = row // PHASES, row % PHASES
    cycle_s = PHASE_S * PHASES / 2

    def encode(time_us: Ints, due_us: Ints, count: Ints) -> Frames:
        within_s = (due_us[unit] / 1e6 - phase // 2 * PHASE_S) % cycle_s
        is_green, is_red = within_s < PHASE_S - YELLOW_S, within_s >= PHASE_S
        end_s = np.where(is_green, PHASE_S - YELLOW_S, np.where(is_red, cycle_s, PHASE_S)) - within_s
        batch = filled(
            SPAT,
            len(row),
            time_us=time_us[unit],
            message_count=count[unit].astype(np.uint8),
            intersection_id=(unit + 1).astype(np.uint16),
            phase_id=(phase + 1).astype(np.uint8),
            light=np.where(is_green, GREEN, np.where(is_red, RED, YELLOW)).astype(np.uint8),
            timing=np.full(len(row), COUNTING_DOWN, np.uint8),
            start_s=np.zeros(len(row)),
            likely_end_s=end_s,
            frame=unit,
        )
        return cv2x.encode_spat(batch)

    return encode
