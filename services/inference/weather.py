"""The weather of a site: how slippery the road is and how far one sees, for the whole site and for the areas of events.

It changes nothing but two figures per vehicle: its *grip*, the share of dry braking that is left, and its *haste*, how much
earlier it must be told. All applications take both in one place (`services.inference.v2x.reactions`); none looks less far because
sight is poor. What nobody measures or tells counts as dry and clear. Times are event times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from chelu.applications.common import WeatherParameters
from chelu.messages import Batch
from chelu.quantities import KELVIN_0C, QUANTITIES
from services.inference.reports import Floats


@dataclass(frozen=True, slots=True)
class Conditions:
    """friction NaN and sight infinite where nothing is known."""

    friction: float = float("nan")
    sight_m: float = float("inf")

    @property
    def is_dry(self) -> bool:
        """Whether nothing is known that would make it other than dry and clear."""
        return bool(np.isnan(self.friction) and np.isinf(self.sight_m))


DRY = Conditions()
_CODES = {one.name: one.code for one in QUANTITIES}
_VISIBILITY, _FRICTION_MEASURED = _CODES["visibility"], _CODES["road_friction"]
_RATE, _FALLEN, _FILM = _CODES["precipitation_rate"], _CODES["precipitation"], _CODES["road_water_film"]
_SURFACE, _ICE = _CODES["road_surface_temperature"], _CODES["road_ice_fraction"]
_READ = frozenset((_VISIBILITY, _FRICTION_MEASURED, _RATE, _FALLEN, _FILM, _SURFACE, _ICE))
_WORST_IS_HIGH = frozenset((_RATE, _FALLEN, _FILM, _ICE))
_BAD = 2  # quality, as the sensor says
_LEAST_RATE_MPS, _LEAST_FILM_M = 0.1e-3 / 3600.0, 0.1e-3
MOST_SAMPLES = 10_000  # places that are kept; beyond, new ones are not


class Weather:
    """What the site's sensors measured last. Owned by one thread."""

    def __init__(self, parameters: WeatherParameters) -> None:
        self._p = parameters
        self._samples: dict[tuple[int, int, int], tuple[int, float]] = {}  # device, quantity, channel → time, value
        self._now = DRY
        self._is_changed = False
        self._until_us = 0

    def use(self, parameters: WeatherParameters) -> None:
        """From the next question on."""
        self._p, self._is_changed = parameters, True

    def update(self, batches: Iterable[Batch]) -> None:
        """Take in observations (`chelu.messages.OBSERVATION` with device_key); of one place the newest counts."""
        for rows in batches:
            good = np.isin(rows["quantity"], list(_READ)) & np.isfinite(rows["value"])
            good &= ~(rows["quality_valid"] & (rows["quality"] == _BAD))
            for row in np.flatnonzero(good).tolist():
                channel = int(rows["channel"][row]) if rows["channel_valid"][row] else -1
                self._note(
                    (int(rows["device_key"][row]), int(rows["quantity"][row]), channel),
                    int(rows["time_us"][row]),
                    float(rows["value"][row]),
                )

    def at(self, instant_us: int) -> Conditions:
        """The worst of what the site's sensors say, none of it older than `kept_s`."""
        if self._is_changed or instant_us >= self._until_us:
            self._is_changed = False
            self._now, self._until_us = self._work_out(instant_us)
        return self._now

    @property
    def is_known(self) -> bool:
        """Whether any sensor tells."""
        return bool(self._samples)

    def of_code(self, code: int) -> Conditions:
        """What an event of this code means for the road in its area."""
        return self._of_code.get(code, DRY)

    @property
    def _of_code(self) -> Mapping[int, Conditions]:
        p = self._p
        friction = {
            p.rain_code: p.wet_friction, p.snow_code: p.snow_friction, p.water_code: p.wet_friction,
            p.slippery_code: p.wet_friction, p.ice_code: p.ice_friction,
        }  # fmt: skip
        return {round(code): Conditions(friction=one) for code, one in friction.items()} | {
            round(p.fog_code): Conditions(sight_m=p.fog_sight_m)
        }

    def _note(self, place: tuple[int, int, int], time_us: int, value: float) -> None:
        known = self._samples.get(place)
        if (known is None and len(self._samples) < MOST_SAMPLES) or (known is not None and time_us >= known[0]):
            self._samples[place] = time_us, value
            self._is_changed = True

    def _work_out(self, instant_us: int) -> tuple[Conditions, int]:
        """The site's conditions, and when the next sample is too old."""
        kept_us = round(self._p.kept_s * 1e6)
        old = [place for place, (time_us, _) in self._samples.items() if instant_us - time_us >= kept_us]
        for place in old:
            del self._samples[place]
        of_device: dict[int, dict[int, float]] = {}
        for (device, quantity, _), (_, value) in self._samples.items():
            values = of_device.setdefault(device, {})
            worst = max if quantity in _WORST_IS_HIGH else min
            values[quantity] = worst(values.get(quantity, value), value)
        found = [friction_of(values, self._p) for values in of_device.values()]
        known = [one for one in found if np.isfinite(one)]
        sight = [values[_VISIBILITY] for values in of_device.values() if _VISIBILITY in values]
        until_us = min((time_us for time_us, _ in self._samples.values()), default=1 << 61) + kept_us
        return Conditions(min(known, default=float("nan")), min(sight, default=float("inf"))), until_us


def friction_of(values: Mapping[int, float], p: WeatherParameters) -> float:
    """Friction from what one station measures, by quantity; NaN when that says nothing of the road.

    Measured friction says it all. Else ice by its share; water on a road of 0 °C or less is ice, on a warmer one wet.
    """
    if _FRICTION_MEASURED in values:
        return values[_FRICTION_MEASURED]
    said = [name for name in (_RATE, _FALLEN, _FILM, _ICE) if name in values]
    if not said:
        return float("nan")
    if values.get(_ICE, 0.0) > 0.0:
        return p.wet_friction + (p.ice_friction - p.wet_friction) * min(values[_ICE], 1.0)
    is_wet = values.get(_RATE, 0.0) > _LEAST_RATE_MPS or values.get(_FALLEN, 0.0) > 0.0 or values.get(_FILM, 0.0) > _LEAST_FILM_M
    if not is_wet:
        return p.dry_friction
    return p.ice_friction if values.get(_SURFACE, np.inf) <= KELVIN_0C else p.wet_friction


def grip_of(friction: Floats, p: WeatherParameters) -> Floats:
    """Share of dry braking (n,) that is left; 1 where friction is not known."""
    return np.clip(np.where(np.isnan(friction), 1.0, friction / p.dry_friction), 0.05, 1.0)


def haste_s(grip: Floats, sight_m: Floats, speed_mps: Floats, p: WeatherParameters) -> Floats:
    """How much earlier (n,) drivers must be told than on a dry road in clear sight.

    Braking that is gentle on the road as it is takes longer: v/2b more for each share of b that is missing. And who does not see
    the reason of a warning hesitates.
    """
    blind = np.clip(1.0 - sight_m / p.clear_sight_m, 0.0, 1.0)
    longer = np.nan_to_num(speed_mps) / (2.0 * p.comfortable_mps2) * (1.0 / grip - 1.0)
    return np.minimum(p.blind_s * blind + longer, p.most_haste_s)
