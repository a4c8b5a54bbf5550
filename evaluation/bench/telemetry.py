"""GB/T 32960 reports as columns against a reader of one frame at a time, field by field with `struct`, on the same frames.

The reports are those of an electric car: vehicle, position, alarms, 96 cells and 24 probes, of 2025. The other side makes a
dictionary of the same columns, without the lists.
"""

from __future__ import annotations

import struct

import numpy as np

from chelu.codec import gbt32960
from chelu.codec.gbt32960_encode import encode
from chelu.codec.gbt32960_frame import check_of
from chelu.messages import Frames
from evaluation.bench.report import Ratio, interleaved
from simulators.vehicles import vehicles_at

ROWS = 4096
PLAIN_FRAMES = 512
START_US = 1_700_000_000_000_000
_VEHICLE, _PACK = struct.Struct(">BBBHIHHBBBH"), struct.Struct(">BHHH")
CELLS, PROBES = 96, 24


def run(*, quick: bool) -> list[Ratio]:
    """Decoding only: encoding is for simulators."""
    rows = ROWS // 4 if quick else ROWS
    frames = example(rows)
    plain = [frames.frame(row) for row in range(0, rows, max(1, rows // PLAIN_FRAMES))]

    def ours() -> int:
        if len(gbt32960.decode(frames).rows) != rows:
            raise ValueError("a frame of the benchmark was refused")
        return rows

    def theirs() -> int:
        return len([plain_row(frame) for frame in plain])

    ours()
    fast, slow = interleaved(ours, theirs, rounds=3 if quick else 7)
    return [Ratio("decode GB/T 32960", fast, "struct, frame by frame", slow, "reports", None)]


def example(rows: int) -> Frames:
    """Reports of as many vehicles."""
    random = np.random.default_rng(20250)
    batch = vehicles_at(np.full(rows, START_US), np.arange(rows), random)
    vins = [f"LCHELU{number:011d}" for number in range(rows)]
    cells, probes = random.uniform(3.5, 3.7, (rows, CELLS)), random.uniform(20, 30, (rows, PROBES))
    return encode(batch, vins, edition=2025, cells_v=cells, probes_c=probes)


def plain_row(frame: bytes) -> dict[str, float | None]:
    """The row of one report of `example`."""
    if check_of(frame[2:-1]) != frame[-1] or int.from_bytes(frame[22:24]) + 25 != len(frame):
        raise ValueError("no sound frame")
    found: dict[str, float | None] = {}
    at = 30
    while at < len(frame) - 1:
        code, at = frame[at], at + 1
        if code == 1:
            at = _plain_vehicle(frame, at, found)
        elif code == 5:
            longitude, latitude = struct.unpack_from(">II", frame, at + 2)
            found["longitude_deg"], found["latitude_deg"] = longitude / 1e6, latitude / 1e6
            at += 10
        elif code == 6:
            found["alarm_level"], found["alarm_flags"] = struct.unpack_from(">BI", frame, at)
            at += 10
        elif code == 7:
            count = _PACK.unpack_from(frame, at + 1)[3]
            cells = struct.unpack_from(f">{count}H", frame, at + 8)
            found["cell_voltage_max_v"], found["cell_voltage_min_v"] = max(cells) / 1000, min(cells) / 1000
            at += 8 + 2 * count
        else:
            count = int.from_bytes(frame[at + 2 : at + 4])
            probes = frame[at + 4 : at + 4 + count]
            found["battery_temperature_max_c"], found["battery_temperature_min_c"] = max(probes) - 40, min(probes) - 40
            at += 4 + count
    return found


def _plain_vehicle(frame: bytes, at: int, found: dict[str, float | None]) -> int:
    state, charge, mode, speed, mileage, voltage, current, soc, dcdc, gear, insulation = _VEHICLE.unpack_from(frame, at)
    for name, value, gap in (("vehicle_state", state, 254), ("charge_state", charge, 254), ("power_mode", mode, 254)):
        found[name] = value if value < gap else None
    found["speed_mps"] = speed / 36 if speed < 65534 else None
    found["mileage_m"] = mileage * 100 if mileage < 0xFFFFFFFE else None
    found["voltage_v"] = voltage / 10 if voltage < 65534 else None
    found["current_a"] = current / 10 - 3000 if current < 65534 else None
    found["state_of_charge"] = soc / 100 if soc < 254 else None
    found["dcdc_state"] = dcdc if dcdc < 254 else None
    found["gear"], found["has_drive"], found["has_brake"] = gear & 15, gear >> 5 & 1, gear >> 4 & 1
    found["insulation_ohm"] = insulation * 1000 if insulation < 65534 else None
    return at + _VEHICLE.size
