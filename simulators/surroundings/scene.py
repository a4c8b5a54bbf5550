"""The sensors of a site's surroundings, and what each of them says of a period. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from simulators.surroundings import air, crowd, port, water, weather
from simulators.surroundings.period import Floats, Period

STAGES = ("flood", "fog", "queue")
PARTS = ("weather", "water", "air", "gate", "crowd")
MOST_SAMPLES = 5_000  # a message


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: its readings by quantity, with their units, a value a step. labels: as it is registered."""

    part: str
    readings: Mapping[str, tuple[str, Floats]]
    labels: Mapping[str, str] = field(default_factory=dict)


def sensors(
    period: Period,
    seed: int,
    *,
    parts: Sequence[str] = PARTS,
    stages: Sequence[str] = (),
    roads: Sequence[str] = (),
    zero_m: float = 0.0,
) -> list[Sensor]:
    """What is wanted of `PARTS`.

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
    ]
    return [one for one in every if one.part in parts]


def messages(sensor: Sensor, period: Period) -> Iterator[tuple[bytes, int]]:
    """What it says on ``sensor/{id}/observation/up``, oldest first, with the number of samples of each message."""
    step_us, size = period.step_s * 1_000_000, max(1, MOST_SAMPLES // len(sensor.readings))
    for begin in range(0, period.steps, size):
        end = min(begin + size, period.steps)
        document = {
            "start_us": period.start_us + (begin + 1) * step_us,
            "step_us": step_us,
            "observations": [
                {"quantity": name, "unit": unit, "values": values[begin:end].tolist()}
                for name, (unit, values) in sensor.readings.items()
            ],
        }
        yield json.dumps(document).encode(), (end - begin) * len(sensor.readings)
