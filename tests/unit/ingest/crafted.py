"""Crafted messages and a register of five devices, worked through with the real codec."""

from __future__ import annotations

import numpy as np

from chelu.bus import Received, messages_of
from chelu.codec import cv2x
from chelu.codec.envelope import Envelope, pack
from chelu.codec.roadside import Reading
from chelu.messages import BSM, Batch
from chelu.quality.timing import TimingLimits
from chelu.topics import Kind
from services.ingest.pipeline import prepare
from services.ingest.prepared import Prepared
from services.ingest.quality import Memories, limits_of
from services.ingest.register import Device
from services.ingest.routes import STANDARD, Router
from services.ingest.work import Rules

NOW_US = 1_790_000_012_345_000
DEVICES = {
    device.device_id: device
    for device in (
        Device("o1", 1, Kind.OBU, Envelope.AUTO, STANDARD),
        Device("r1", 2, Kind.RSU, Envelope.DEPLOYED, STANDARD),
        Device("old", 3, Kind.OBU, Envelope.BARE, "T/CSAE 53-2017"),
        Device("v1", 4, Kind.VEHICLE, Envelope.AUTO, STANDARD),
        Device("s1", 6, Kind.SENSOR, Envelope.AUTO, STANDARD),
        Device("x1", 7, Kind.RSU, Envelope.AUTO, STANDARD, "R328328", Reading(is_heading_mirrored=True)),
        Device("c1", 5, Kind.RSCU, Envelope.AUTO, STANDARD),
    )
}


def bsm_batch(n: int = 1, *, time_us: int = NOW_US, count: int = 0, latitude_deg: float = 29.5, speed_mps: float = 10.0) -> Batch:
    columns = {name: np.zeros(n, dtype) for name, dtype in BSM.dtypes().items()}
    for column in columns.values():
        if column.dtype.kind == "f":
            column[:] = np.nan
    columns["time_us"][:] = time_us
    columns["sec_mark_ms"][:] = time_us // 1000 % 60_000
    columns["message_count"][:] = (count + np.arange(n)) % 128
    columns["vehicle_id"][:] = 77
    columns["latitude_deg"][:], columns["longitude_deg"][:], columns["elevation_m"][:] = latitude_deg, 106.5, 250.0
    columns["speed_mps"][:], columns["heading_deg"][:] = speed_mps, 90.0
    for name in ("transmission", "vehicle_class"):
        columns[f"{name}_valid"][:] = True
    columns["width_m"][:], columns["length_m"][:] = 1.8, 4.5
    return Batch(columns)


def bsm(**values: float) -> bytes:
    return cv2x.encode_bsm(bsm_batch(**values)).frame(0)  # type: ignore[arg-type]


def deployed(frames: list[bytes], *, reference_us: int = NOW_US, is_bsm: bool = True) -> bytes:
    return pack(Envelope.DEPLOYED, frames, device_id=b"RSU00001", reference_us=reference_us, is_bsm=is_bsm)


def message(
    topic: str, payload: bytes, *, qos: int = 0, sequence: int | None = None, arrival_us: int = NOW_US, connection: int = 0
) -> Received:
    return Received(topic, payload, qos, arrival_us, 0, sequence, retained=False, connection=connection)


def work(messages: list[Received], memories: Memories | None = None) -> tuple[Prepared, Memories]:
    router = Router(DEVICES)
    rules = Rules(limits_of(2.0), TimingLimits(60.0, 2.0), payload_bytes=10_000)
    batch = messages_of(messages)
    route = router.route(batch)
    return prepare(batch, route, router.routes, decode=cv2x.decode, memories=memories or Memories(), rules=rules)
