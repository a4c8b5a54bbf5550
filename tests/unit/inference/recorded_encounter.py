"""An encounter as ingest stores it, and the warning that inference made of it while it went on: for tests of explanations."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from chelu.codec.envelope import Envelope
from chelu.geo import LocalFrame
from chelu.messages import BSM, EVENT, OBSERVATION, PARTICIPANT, SPAT, Batch, concatenate, empty, filled
from chelu.motion.footprints import forward
from chelu.topics import Kind
from services.inference.events.told import Heard, of_rsi
from services.inference.explain.recorded import Kept, Recorded
from services.inference.explain.warnings import Row, Stored
from services.inference.inbox import Intake
from services.inference.making import site_of
from services.inference.outbox import documents
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import Origin, of_bsm
from services.inference.site import SiteParameters

SITE = "north"
FRAME = LocalFrame(29.55, 106.57, 250.0)
BEGAN_US = 1_700_000_000_000_000
LATENCY_US = 30_000
INGEST_EARLIER_US = 700  # than inference has the same message


@dataclass(frozen=True)
class Driver:
    """Drives straight, at an even speed, past (east, north) at `at_s`."""

    vehicle_id: int
    device_key: int
    heading_deg: float
    speed_mps: float = 14.0
    at_s: float = 6.0
    phase_s: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)
    sigma_code: int = 9

    def says(self, tick: int) -> Batch:
        """Its message of this tenth of a second."""
        at_s = tick / 10.0 + self.phase_s
        xy = np.array(self.place) + forward(np.array(self.heading_deg)) * self.speed_mps * (at_s - self.at_s)
        latitude, longitude, elevation = FRAME.to_geodetic(np.array([[*xy, 0.0]]))
        time_us = BEGAN_US + round(at_s * 1e6)
        one = np.ones(1)
        return filled(
            BSM, 1, time_us=np.array([time_us]), message_count=np.array([tick % 128], np.uint8),
            vehicle_id=np.array([self.vehicle_id], np.uint64), sec_mark_ms=np.array([time_us // 1000 % 60_000], np.uint16),
            latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation, speed_mps=self.speed_mps * one,
            heading_deg=self.heading_deg * one, acceleration_longitudinal_mps2=0 * one, yaw_rate_dps=0 * one,
            length_m=4.6 * one, width_m=1.8 * one,
            position_confidence=np.array([self.sigma_code], np.uint8), position_confidence_valid=np.ones(1, bool),
        ).with_columns(
            arrival_us=np.array([time_us + LATENCY_US]), device_key=np.array([self.device_key], np.int32),
        )  # fmt: skip


CROSSING = (Driver(0xA1, 1, 0.0), Driver(0xB2, 2, 90.0, phase_s=0.037))


def register() -> Register:
    """A site with two vehicles' units and a roadside unit, no roads."""
    devices = [
        Device(1, "obu-1", Kind.OBU, SITE, Envelope.AUTO, 0),
        Device(2, "obu-2", Kind.OBU, SITE, Envelope.AUTO, 0),
        Device(3, "rsu-1", Kind.RSU, SITE, Envelope.AUTO, 0),
    ]
    entry = SiteEntry(SITE, FRAME, None, 0)
    return Register({one.device_id: one for one in devices}, {one.key: one for one in devices}, {SITE: entry}, {})


@dataclass
class Encounter:
    """What was stored of it, and every warning."""

    recorded: Recorded
    warnings: dict[str, Stored] = field(default_factory=dict)


def encounter(drivers: tuple[Driver, ...] = CROSSING, *, seconds: float = 6.0, notices: tuple[Heard, ...] = ()) -> Encounter:
    """Drive, message by message, each evaluated 1 ms after inference has it; notices: RSIs of rsu-1, heard before."""
    site = site_of(register().sites[SITE], SiteParameters(), model=None, new_id=_ids())
    site.hear(of_rsi(notices, FRAME, Counter()), ())
    rows = sorted(
        (driver.says(tick) for tick in range(round(seconds * 10)) for driver in drivers),
        key=lambda row: int(row["arrival_us"][0]),
    )
    found: dict[str, list[Row]] = {}
    about: dict[str, str] = {}
    for row in rows:
        arrival_us = row["arrival_us"] + INGEST_EARLIER_US
        reports = of_bsm(row, Origin(row["device_key"].astype(np.int64), np.ones(1, bool), arrival_us), FRAME)
        changes = site.take(Intake(reports, empty(SPAT)), FRAME, int(arrival_us[0]) + 1000)
        for notice, told in zip(changes, documents(changes, register(), FRAME) if changes else [], strict=True):
            life = found.setdefault(notice.warning_id, [])
            about[notice.warning_id] = notice.application
            life.append(
                Row(
                    notice.state,
                    notice.level,
                    notice.event_us,
                    notice.cause.arrival_us,
                    notice.decided_us,
                    notice.decided_us,
                    told,
                )
            )
    stored = {one: Stored(one, SITE, about[one], tuple(life)) for one, life in found.items()}
    kept = [Kept("rsi", one.reference_us, one.reference_us, one.device_key, one.value) for one in notices]
    return Encounter(recorded(rows, kept), stored)


def recorded(rows: list[Batch], messages: Sequence[Kept] = ()) -> Recorded:
    """As it lies in the database."""
    others = {one.name: empty(one).with_columns(**_header()) for one in (PARTICIPANT, SPAT, EVENT, OBSERVATION)}
    return Recorded({BSM.name: concatenate(rows), **others}, messages)


def _header() -> dict[str, np.ndarray]:
    return {"arrival_us": np.empty(0, np.int64), "device_key": np.empty(0, np.int32)}


def _ids():
    number = itertools.count(1)
    return lambda: str(UUID(int=next(number)))
