"""The sensors of a site's surroundings, and what each of them says of a period. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from simulators.surroundings import air, crowd, port, water, weather
from simulators.surroundings.period import Floats, Ints, Period

STAGES = ("flood", "fog", "queue", "berths", "overweight")
PARTS = ("weather", "water", "air", "gate", "crowd")
PORT = ("berths", "weighbridge")  # besides, for who asks for them
WEIGHED_S = 20  # at least so long for a truck
MOST_SAMPLES = 5_000  # a message


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: its readings by quantity, with their units, a value a step, NaN where it has none.

    labels: as it is registered. period: with steps of its own, where it has them.
    """

    part: str
    readings: Mapping[str, tuple[str, Floats]]
    labels: Mapping[str, str] = field(default_factory=dict)
    period: Period | None = None


def sensors(
    period: Period,
    seed: int,
    *,
    parts: Sequence[str] = PARTS,
    stages: Sequence[str] = (),
    roads: Sequence[str] = (),
    zero_m: float = 0.0,
) -> list[Sensor]:
    """What is wanted of `PARTS` and of `PORT`.

    stages: of `STAGES`, what is at its height at the end; roads: that flood and fog are about; zero_m: of the gauge's zero.
    """
    rain = weather.rain_mm_h(period, seed, is_staged="flood" in stages)
    wind = weather.wind_mps(period, seed)
    trucks = port.gate_of(port.arrivals(period, seed, is_staged="queue" in stages), period.step_s)
    named = " ".join(roads)
    every = [
        Sensor(
            "weather",
            {
                "precipitation_rate": ("mm/h", rain),
                "wind_speed": ("m/s", wind),
                "air_temperature": ("degC", weather.temperature_degc(period, seed)),
                "visibility": ("m", weather.sight_m(period, seed, rain, is_staged="fog" in stages)),
            },
            {"roads": named} if roads else {},
        ),
        Sensor(
            "water",
            {"water_level": ("m", water.level_m(period, seed, rain))},
            {"riverside": named, "zero_m": f"{zero_m:g}"} if roads else {},
        ),
        Sensor(
            "air",
            {
                "pm2_5": ("ug/m^3", air.pm2_5_ug(period, seed, rain, wind)),
                "nitrogen_dioxide": ("ug/m^3", air.nitrogen_dioxide_ug(period, seed, wind)),
            },
        ),
        Sensor(
            "gate",
            {"gate_entries": ("1", trucks.entered), "waiting_trucks": ("1", trucks.waiting)},
            {"capacity_per_h": f"{port.CAPACITY_H:g}"},
        ),
        Sensor(
            "crowd",
            {"people_count": ("1", crowd.people_count(period, seed)), "sound_level": ("dB", crowd.sound_db(period, seed))},
        ),
        Sensor(
            "berths",
            {
                "occupied_berths": ("1", port.occupied_berths(period, seed, is_staged="berths" in stages)),
                "total_berths": ("1", np.full(period.steps, float(port.BERTHS))),
            },
        ),
        _weighbridge(period, seed, stages),
    ]
    return [one for one in every if one.part in parts]


def _weighbridge(period: Period, seed: int, stages: Sequence[str]) -> Sensor:
    """A gate that counts nobody, but weighs every truck that it lets in."""
    each = next(one for one in range(max(1, period.step_s // WEIGHED_S), 0, -1) if period.step_s % one == 0)
    fine = Period(period.start_us, period.steps * each, period.step_s // each)
    trucks = port.gate_of(port.arrivals(fine, seed, is_staged="queue" in stages), fine.step_s)
    weighed = port.weights_kg(fine, seed, trucks.entered, is_staged="overweight" in stages)
    return Sensor("weighbridge", {"vehicle_weight": ("kg", weighed), "waiting_trucks": ("1", trucks.waiting)}, period=fine)


def messages(sensor: Sensor, period: Period) -> Iterator[tuple[bytes, int]]:
    """What it says on ``sensor/{id}/observation/up``, oldest first, with the number of samples of each message."""
    period = sensor.period or period
    step_us, size = period.step_s * 1_000_000, max(1, MOST_SAMPLES // len(sensor.readings))
    for begin in range(0, period.steps, size):
        end = min(begin + size, period.steps)
        told = {name: values[begin:end] for name, (_, values) in sensor.readings.items()}
        document = {
            "start_us": period.start_us + (begin + 1) * step_us,
            "step_us": step_us,
            "observations": [
                {"quantity": name, "unit": sensor.readings[name][0], **_values(values, period.time_us[begin:end])}
                for name, values in told.items()
                if np.isfinite(values).any()
            ],
        }
        yield json.dumps(document).encode(), sum(int(np.isfinite(one).sum()) for one in told.values())


def _values(values: Floats, time_us: Ints) -> dict[str, list[float] | list[int]]:
    """As an observation has them: with times where not every step has one."""
    known = np.isfinite(values)
    if known.all():
        return {"values": values.tolist()}
    return {"values": values[known].tolist(), "times_us": time_us[known].tolist()}
