"""An RSU of the OpenV2X platform: rows of `chelu.messages` as what it says on ``V2X/RSU/{esn}/…/UP``. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu import topics
from chelu.geo import LocalFrame
from chelu.messages import PARTICIPANT, Batch, filled
from chelu.topics import Kind
from simulators.scene import Origin

RSM, RSI, HEARTBEAT, INFO = (topics.row(f"V2X/RSU/{{id}}/{name}/UP") for name in ("RSM", "RSI", "HB", "INFO"))
PERIOD_S = 0.1
NAMES = ("unknown", "motor", "non-motor", "pedestrian", "rsu")  # ParticipantType as OpenV2X names it
# Column → key and wire units in one of ours; what is unknown is left out.
WIRE: Mapping[str, tuple[str, float]] = {
    "speed_mps": ("speed", 50),
    "heading_deg": ("heading", 80),
    "width_m": ("width", 100),
    "length_m": ("length", 100),
    "height_m": ("height", 20),
}
DEGREE = 10_000_000
INTEGRATED = 7  # SourceType
MOTOR = 1


@dataclass(frozen=True, slots=True)
class Roadside:
    """One RSU: its ESN, as the register has it under ``serial``, and where it stands."""

    esn: str
    origin: Origin
    name: str = ""

    def topic(self, row: topics.Topic) -> str:
        """Where it says this."""
        return row.topic(Kind.RSU, self.esn)

    def rsm(self, rows: Batch) -> bytes:
        """What it perceives, any number of `PARTICIPANT` rows, in one message."""
        participants = [_participant(rows, row) for row in range(len(rows))]
        return _json(
            {"name": self.name, "id": self.esn, "content": {"rsms": [{"refPos": self._place(), "participants": participants}]}}
        )

    def rsi(self, alert: str, event_type: int, *, radius_m: float = 50.0, text: str = "") -> bytes:
        """An event at its place."""
        event = {
            "alertID": alert,
            "eventType": event_type,
            "eventSource": "detection",
            "eventPosition": [self._place()],
            "eventRadius": round(radius_m * 10),
            **({"eventDescription": text} if text else {}),
        }
        return _json({"rsiSourceType": "rsu", "rsiSourceId": self.esn, "rsi": event})

    def heartbeat(self, number: int, time_us: int) -> bytes:
        """The `number`-th sign of life."""
        said = {"seqNum": number, "rsuId": self.esn, "rsuEsn": self.esn, "timestamp": time_us // 1000, "protocolVersion": "v1"}
        return _json({**said, "rsuStatus": True, "ack": False})

    def info(self) -> bytes:
        """Who it is; said at the start."""
        location = {"lon": self.origin.longitude_deg, "lat": self.origin.latitude_deg}
        return _json(
            {
                "rsuId": self.esn,
                "rsuEsn": self.esn,
                "rsuName": self.name,
                "version": "v1",
                "rsuStatus": True,
                "location": location,
            }
        )

    def _place(self) -> dict[str, int]:
        place = self.origin
        return {
            "lat": round(place.latitude_deg * DEGREE),
            "lon": round(place.longitude_deg * DEGREE),
            "ele": round((place.elevation_m or 0.0) * 10),
        }


def passing(origin: Origin, cars: int, time_us: int, seconds: float, *, speed_mps: float = 12.0, span_m: float = 200.0) -> Batch:
    """Cars that drive eastwards past a place, evenly over `span_m` of road, at a moment so many seconds after their beginning.

    Where one has left, another comes.
    """
    number = np.arange(cars)
    driven_m = number * span_m / max(1, cars) + speed_mps * seconds
    along = driven_m % span_m - span_m / 2
    frame = LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m or 0.0)
    latitude, longitude, elevation = frame.to_geodetic(np.column_stack([along, np.full(cars, -5.0), np.zeros(cars)]))
    return filled(
        PARTICIPANT,
        cars,
        time_us=np.full(cars, time_us, np.int64),
        sec_mark_ms=np.full(cars, time_us // 1000 % 60_000, np.uint16),
        participant_type=np.full(cars, MOTOR, np.uint8),
        participant_id=((number + cars * (driven_m // span_m)) % 65_536).astype(np.uint16),
        source=np.full(cars, INTEGRATED, np.uint8),
        latitude_deg=latitude,
        longitude_deg=longitude,
        elevation_m=elevation,
        speed_mps=np.full(cars, speed_mps),
        heading_deg=np.full(cars, 90.0),
        length_m=np.full(cars, 4.6),
        width_m=np.full(cars, 1.8),
        height_m=np.full(cars, 1.5),
    )


def _participant(rows: Batch, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ptcType": NAMES[int(rows["participant_type"][row])],
        "ptcId": int(rows["participant_id"][row]),
        "source": int(rows["source"][row]),
        "secMark": int(rows["sec_mark_ms"][row]),
        "pos": {
            "lat": _wire(rows["latitude_deg"][row], DEGREE, 900_000_001),
            "lon": _wire(rows["longitude_deg"][row], DEGREE, 1_800_000_001),
            "ele": _wire(rows["elevation_m"][row], 10, None),
        },
    }
    known = {key: round(float(rows[name][row]) * units) for name, (key, units) in WIRE.items() if not np.isnan(rows[name][row])}
    size = {key: known.pop(key) for key in ("width", "length", "height") if key in known}
    if "heading" in known:
        known["heading"] %= 360 * 80
    return {**found, **known, **({"size": size} if size else {})}


def _wire(value: float, units: int, unknown: int | None) -> int | None:
    return unknown if np.isnan(value) else round(float(value) * units)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
