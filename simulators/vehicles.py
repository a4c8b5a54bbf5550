"""Electric cars that drive about and report: rows of telemetry for any number of vehicles at any moment. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.messages import TELEMETRY, Batch, Column

CENTRE = (29.56, 106.55)  # Chongqing
SPREAD_DEG = 0.05
CODES = {"vehicle_state": 1, "charge_state": 3, "power_mode": 1, "gear": 14, "has_drive": 1, "dcdc_state": 1, "alarm_level": 0}


def vehicles_at(time_us: npt.NDArray[np.int64], vehicle: npt.NDArray[np.int64], random: np.random.Generator) -> Batch:
    """One row for each vehicle (n,) at its time (n,); what a vehicle is follows from its number, the noise from `random`."""
    n = len(vehicle)
    columns: dict[str, Column] = {}
    for name, dtype in TELEMETRY.dtypes().items():
        columns[name] = np.full(n, np.nan) if dtype.kind == "f" else np.zeros(n, dtype)
    seconds = time_us / 1e6
    phase = vehicle * 0.61803
    columns["time_us"] = time_us
    columns["latitude_deg"] = CENTRE[0] + SPREAD_DEG * np.sin(seconds / 600 + phase)
    columns["longitude_deg"] = CENTRE[1] + SPREAD_DEG * np.cos(seconds / 600 + 2 * phase)
    north = np.cos(seconds / 600 + phase)
    east = -np.sin(seconds / 600 + 2 * phase) * np.cos(np.radians(CENTRE[0]))
    columns["heading_deg"] = np.degrees(np.arctan2(east, north)) % 360
    columns["speed_mps"] = 12 + 8 * np.sin(seconds / 30 + phase)
    columns["mileage_m"] = 1e6 + 1000.0 * vehicle + seconds % 86_400 * 12
    columns["voltage_v"] = 360 + random.normal(0, 1, n)
    columns["current_a"] = 20 + random.normal(0, 5, n)
    columns["state_of_charge"] = 0.2 + 0.6 * (phase % 1)
    columns["insulation_ohm"] = np.full(n, 5e6)
    for name, value in CODES.items():
        columns[name][:] = value
        columns[name + "_valid"][:] = True
    columns["alarm_flags_valid"][:] = True
    return Batch(columns)
