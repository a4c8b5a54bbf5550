"""Limits of what sensors measure, and of how fast it changes, with hysteresis: a reading that wavers about a bound tells once.

All series of a site at once: arrays by series and rule. Bounds are set per site, in the unit in which the quantity comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from chelu.conversion import conversion
from chelu.messages import Batch
from chelu.quantities import Field, Quantity, by_code, by_name
from services.inference.city.environment.findings import Finding, Judged
from services.inference.city.environment.series import Grid, Names, rounds, slope, widened
from services.inference.parameters import parameter
from services.inference.register import Device
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

APPLICATION = "limits"
HIGH, LOW, RISE, FALL = range(4)
KINDS = ("high", "low", "rise", "fall")
_WORDS = ("above", "below", "rises faster than", "falls faster than")
_OF_QUANTITY = {
    "water_level": "water_level",
    "ponding_depth": "standing_water",
    "wind_speed": "wind",
    "precipitation_rate": "rain",
}
_OF_FIELD = {Field.AIR: "air_quality", Field.NOISE: "noise", Field.WATER: "water_quality", Field.PEOPLE: "crowd"}
_STEP_S, _LENGTH = 300, 24  # of the grid by which rates are measured
_FEWEST = 4  # steps with a reading, for a rate
_OFF = 1e12  # a site's bound that nothing reaches


@dataclass(frozen=True, slots=True)
class LimitParameters:
    """`[site.limits]`: a quantity's name and what is bounded; rates are per hour. docs/city/environment.md has the table."""

    pm2_5_high: float = parameter(75.0, "µg/m³", "GB 3095-2012, class 2, mean of a day", high=_OFF)
    pm10_high: float = parameter(150.0, "µg/m³", "GB 3095-2012, class 2, mean of a day", high=_OFF)
    ozone_high: float = parameter(200.0, "µg/m³", "GB 3095-2012, class 2, mean of an hour", high=_OFF)
    nitrogen_dioxide_high: float = parameter(200.0, "µg/m³", "GB 3095-2012, class 2, mean of an hour", high=_OFF)
    sulphur_dioxide_high: float = parameter(500.0, "µg/m³", "GB 3095-2012, class 2, mean of an hour", high=_OFF)
    carbon_monoxide_high: float = parameter(10.0, "mg/m³", "GB 3095-2012, class 2, mean of an hour", high=_OFF)
    sound_level_high: float = parameter(70.0, "dB", "GB 3096-2008, class 4a beside main roads, by day", high=_OFF)
    wind_speed_high: float = parameter(17.2, "m/s", "Beaufort 8: cranes and high vehicles stop", high=_OFF)
    precipitation_rate_high: float = parameter(20.0, "mm/h", "heavy rain of an hour, as the weather service warns of", high=_OFF)
    dissolved_oxygen_low: float = parameter(5.0, "mg/L", "GB 3838-2002, class III", high=_OFF)
    water_ammonium_high: float = parameter(1.0, "mg/L", "GB 3838-2002, class III", high=_OFF)
    water_ph_high: float = parameter(9.0, "1", "GB 3838-2002", high=_OFF)
    water_ph_low: float = parameter(6.0, "1", "GB 3838-2002", high=_OFF)
    water_turbidity_rise: float = parameter(100.0, "NTU/h", "ours: a discharge, or a slope that slid into the river", high=_OFF)
    water_level_rise: float = parameter(0.5, "m/h", "ours: faster than the Jialing rises but in a flood wave", high=_OFF)
    water_level_fall: float = parameter(1.0, "m/h", "ours: moored ships are left hanging", high=_OFF)
    ponding_depth_high: float = parameter(15.0, "cm", "ours: half a car's wheel", high=_OFF)
    people_density_high: float = parameter(4.0, "1/m²", "G. K. Still: beyond, a standing crowd moves by itself", high=_OFF)
    back_share: float = parameter(0.1, "1", "hysteresis: over when it is back by this share of the bound", high=0.9)
    lasting_s: float = parameter(120.0, "s", "not before a level was beyond for so long: one reading is none", high=86_400.0)
    rate_window_s: float = parameter(3600.0, "s", "over which a rate is measured, by least squares", low=900.0, high=7200.0)


@cache
def rules_of(parameters: LimitParameters) -> dict[int, tuple[float, float, float, float]]:
    """By quantity the bounds, high, low, rise, fall, in SI (a rate's by second); NaN where there is none."""
    found: dict[int, list[float]] = {}
    for one in fields(parameters):
        name, _, kind = one.name.rpartition("_")
        if kind not in KINDS or name not in by_name():
            continue
        quantity, number = by_name()[name], KINDS.index(kind)
        scale = conversion(quantity.usual_unit, quantity)
        value = float(getattr(parameters, one.name))
        bound = value * scale.factor + scale.offset if number < RISE else value * scale.factor / 3600.0
        found.setdefault(quantity.code, [np.nan] * len(KINDS))[number] = bound
    return {code: (bounds[0], bounds[1], bounds[2], bounds[3]) for code, bounds in found.items()}


def _kind_of(quantity: Quantity) -> str:
    return _OF_QUANTITY.get(quantity.name) or _OF_FIELD.get(quantity.field, "other")


class LimitWatch:
    """Of all series of a site. Owned by one thread."""

    def __init__(self, parameters: LimitParameters) -> None:
        self._p = parameters
        self._rules = rules_of(parameters)
        self._names, self._grid = Names(), Grid(_STEP_S, _LENGTH)
        self._known = 0  # series with their bounds
        self._bound: Floats = np.empty((0, len(KINDS)))
        self._since_us: Floats = np.empty((0, len(KINDS)))  # NaN: not beyond
        self._is_up: Mask = np.empty((0, len(KINDS)), np.bool_)
        self._now: Floats = np.empty((0, len(KINDS)))

    def hear(self, rows: Batch, devices: Mapping[int, Device]) -> list[Judged]:
        """Readings with their device's key, and who each device is; a verdict on every sensor that has a bound."""
        rows = rows.take(np.isin(rows["quantity"], list(self._rules)) & np.isfinite(rows["value"]))
        if not len(rows):
            return []
        series = self._names.of(rows)
        self._grow()
        time_us, values = rows["time_us"].astype(np.int64), rows["value"].astype(np.float64)
        for chosen in rounds(series, time_us):
            self._step(series[chosen], time_us[chosen], values[chosen])
        return self._told([devices[key] for key in np.unique(rows["device_key"]).tolist() if key in devices])

    def _step(self, series: Ints, time_us: Ints, values: Floats) -> None:
        """One reading of each series."""
        self._grid.add(series, time_us, values)
        rate = self._rate(series)
        level = np.stack([values, -values, rate, -rate], axis=1)
        sign = np.array([1.0, -1.0, 1.0, 1.0])
        bound = self._bound[series] * sign
        back = bound - np.abs(bound) * self._p.back_share
        with np.errstate(invalid="ignore"):
            is_beyond, is_back = level > bound, level <= back
        since = np.where(np.isnan(self._since_us[series]), time_us[:, None], self._since_us[series])
        since = np.where(is_beyond | self._is_up[series], since, np.nan)
        patience_us = np.array([1.0, 1.0, 0.0, 0.0]) * self._p.lasting_s * 1e6  # a rate has waited for its window already
        is_ripe = is_beyond & (time_us[:, None] - since >= patience_us)
        self._is_up[series] = (self._is_up[series] | is_ripe) & ~is_back
        self._since_us[series] = np.where(is_beyond | self._is_up[series], since, np.nan)
        self._now[series] = np.stack([values, values, rate, -rate], axis=1)

    def _rate(self, series: Ints) -> Floats:
        """How fast (n,) each has changed, per second; NaN before half the window is known."""
        steps = max(_FEWEST, round(self._p.rate_window_s / _STEP_S))
        return slope(self._grid.window(series, steps), _STEP_S, _FEWEST)

    def _told(self, devices: list[Device]) -> list[Judged]:
        found: dict[int, list[Finding]] = {one.key: [] for one in devices}
        of, keys = {one.key: one for one in devices}, self._names.keys
        for number, kind in zip(*(each.tolist() for each in np.nonzero(self._is_up[: len(keys)])), strict=True):
            device, code, channel = keys[number]
            if device in of:
                found[device].append(self._finding(of[device], by_code()[code], channel, kind, number))
        return [Judged(APPLICATION, of[key].device_id, each) for key, each in found.items()]

    def _finding(self, device: Device, quantity: Quantity, channel: int, kind: int, number: int) -> Finding:
        scale, per = conversion(quantity.usual_unit, quantity), 3600.0 if kind >= RISE else 1.0
        offset = 0.0 if kind >= RISE else scale.offset
        value, bound = ((float(one[number, kind]) * per - offset) / scale.factor for one in (self._now, self._bound))
        unit = quantity.usual_unit + ("/h" if kind >= RISE else "")
        where = f", channel {channel - 1}" if channel else ""
        return Finding(
            application=APPLICATION,
            subject=device.device_id,
            part=f"{quantity.name} {KINDS[kind]}{where}",
            kind=_kind_of(quantity),
            severity="warning",
            value=value,
            bound=bound,
            text=f"{device.device_id}: {quantity.name} {_WORDS[kind]} {bound:g} {unit}",
            place=device.place,
            detail={"quantity": quantity.name, "unit": unit},
        )

    def _grow(self) -> None:
        count = len(self._names)
        before = len(self._bound)
        self._bound, self._since_us = widened(self._bound, count, np.nan), widened(self._since_us, count, np.nan)
        self._now = widened(self._now, count, np.nan)
        if len(self._is_up) < len(self._bound):
            self._is_up = np.concatenate([self._is_up, np.zeros((len(self._bound) - before, len(KINDS)), np.bool_)])
        for number, (_, code, _) in enumerate(self._names.keys[self._known :], start=self._known):
            self._bound[number] = self._rules[code]
        self._known = count
