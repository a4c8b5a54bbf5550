"""GB/T 32960.3: what the items of a real-time report hold, both editions, as tables. Reading, writing and JSON derive from them.

A layout is a tuple of parts: `Fixed` fields in a row, or a `Counted` list of elements that are layouts again. All is big-endian.
Sources: docs/formats/gbt32960.md says for each table how sure it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Wire:
    """One number on the wire: value = raw · `multiply` / `divide` + `offset`.

    The highest raw number is "invalid", the one below it "abnormal": neither is a value. most: highest raw number that a sound
    vehicle sends (None: any). is_code: a code or a count, which has no unit. has_gaps: whether "invalid" and "abnormal" exist.
    """

    name: str
    dtype: str
    multiply: int = 1
    divide: int = 1
    offset: int = 0
    most: int | None = None
    is_code: bool = False
    has_gaps: bool = True

    @property
    def first_gap(self) -> int:
        """The lowest raw number that is not a value."""
        top = int(np.iinfo(np.dtype(self.dtype)).max)
        return top - 1 if self.has_gaps else top + 1


@dataclass(frozen=True)
class Fixed:
    """Fields of constant width, one behind the other."""

    fields: tuple[Wire, ...]

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The bytes as numpy sees them; the table is the codec."""
        return np.dtype([(field.name, field.dtype) for field in self.fields])

    @property
    def width(self) -> int:
        return int(self.dtype.itemsize)


@dataclass(frozen=True)
class Counted:
    """A count (`count_bytes` long) and so many elements. A count of "invalid" or "abnormal" announces none, if it `has_gaps`."""

    name: str
    count_bytes: int
    element: Layout
    has_gaps: bool = True

    @cached_property
    def width(self) -> int | None:
        """Bytes of an element; None where that varies."""
        widths = [part.width if isinstance(part, Fixed) else None for part in self.element]
        return None if None in widths else sum(width for width in widths if width is not None)


Part = Fixed | Counted
Layout = tuple[Part, ...]


def _code(name: str, dtype: str = "u1", *, has_gaps: bool = True) -> Wire:
    return Wire(name, dtype, is_code=True, has_gaps=has_gaps)


def _celsius(name: str) -> Wire:
    return Wire(name, "u1", offset=-40, most=250)


def _tenths(name: str, offset: int = 0, most: int | None = None) -> Wire:
    return Wire(name, ">u2", divide=10, offset=offset, most=most)


def _bytes(name: str) -> Counted:
    return Counted(name, 2, (Fixed((_code("byte", has_gaps=False),)),), has_gaps=False)


def _faults(*names: str) -> Layout:
    return tuple(Counted(name, 1, (Fixed((_code("code", ">u4", has_gaps=False),)),)) for name in names)


def _temperatures(name: str) -> Counted:
    return Counted(name, 2, (Fixed((_celsius("temperature_c"),)),))


def _cells(name: str, count_bytes: int) -> Counted:
    return Counted(name, count_bytes, (Fixed((Wire("voltage_v", ">u2", divide=1000),)),))


_VEHICLE = (
    _code("vehicle_state"),
    _code("charge_state"),
    _code("power_mode"),
    Wire("speed_mps", ">u2", divide=36, most=2200),
    Wire("mileage_m", ">u4", multiply=100, most=9_999_999),
    _tenths("voltage_v", most=10_000),
)
_SUPPLY = (Wire("state_of_charge", "u1", divide=100, most=100), _code("dcdc_state"), _code("gear_byte", has_gaps=False))
_INSULATION = Wire("insulation_ohm", ">u2", multiply=1000, most=60_000)
_PEDALS = (Wire("accelerator", "u1", divide=100, most=100), Wire("brake", "u1", divide=100, most=101))
_PLACE = (
    Wire("longitude_deg", ">u4", divide=1_000_000, most=180_000_000),
    Wire("latitude_deg", ">u4", divide=1_000_000, most=90_000_000),
)
_POSITION_FLAGS = _code("position_flags", has_gaps=False)
_MOTOR = (_code("index"), _code("state"), _celsius("controller_temperature_c"))
_HYDROGEN = (
    Wire("hydrogen_temperature_max_c", ">u2", divide=10, offset=-40, most=2400),
    _code("hydrogen_temperature_probe"),
    _code("hydrogen_concentration_raw", ">u2"),
    _code("hydrogen_concentration_sensor"),
    Wire("hydrogen_pressure_max_pa", ">u2", multiply=100_000, most=1000),
    _code("hydrogen_pressure_sensor"),
    _code("fuel_cell_dcdc_state"),
)
_ALARMS = (_code("alarm_level"), _code("alarm_flags", ">u4", has_gaps=False))
_FAULTS = _faults("battery_faults", "motor_faults", "engine_faults", "other_faults")
_PROBES: Layout = (Counted("packs", 1, (Fixed((_code("index"),)), _temperatures("temperatures"))),)
_OPAQUE: Layout = (_bytes("data"),)

ITEMS_2016: Mapping[int, tuple[str, Layout]] = {
    0x01: ("vehicle", (Fixed((*_VEHICLE, _tenths("current_a", -1000, 20_000), *_SUPPLY, _INSULATION, *_PEDALS)),)),
    0x02: (
        "motors",
        (
            Counted(
                "motors",
                1,
                (
                    Fixed(
                        (
                            *_MOTOR,
                            Wire("speed_rpm", ">u2", offset=-20_000),
                            _tenths("torque_nm", -2000),
                            _celsius("temperature_c"),
                            _tenths("voltage_v"),
                            _tenths("current_a", -1000),
                        )
                    ),
                ),
            ),
        ),
    ),
    0x03: (
        "fuel_cell",
        (
            Fixed(
                (
                    _tenths("fuel_cell_voltage_v", most=20_000),
                    _tenths("fuel_cell_current_a", most=20_000),
                    Wire("hydrogen_kg_per_100km", ">u2", divide=100, most=60_000),
                )
            ),
            _temperatures("probes"),
            Fixed(_HYDROGEN),
        ),
    ),
    0x04: (
        "engine",
        (
            Fixed(
                (
                    _code("engine_state"),
                    Wire("engine_speed_rpm", ">u2", most=60_000),
                    Wire("fuel_l_per_100km", ">u2", divide=100, most=60_000),
                )
            ),
        ),
    ),
    0x05: ("position", (Fixed((_POSITION_FLAGS, *_PLACE)),)),
    0x06: (
        "extremes",
        (
            Fixed(
                (
                    _code("cell_voltage_max_pack"),
                    _code("cell_voltage_max_cell"),
                    Wire("cell_voltage_max_v", ">u2", divide=1000, most=15_000),
                    _code("cell_voltage_min_pack"),
                    _code("cell_voltage_min_cell"),
                    Wire("cell_voltage_min_v", ">u2", divide=1000, most=15_000),
                    _code("battery_temperature_max_pack"),
                    _code("battery_temperature_max_probe"),
                    _celsius("battery_temperature_max_c"),
                    _code("battery_temperature_min_pack"),
                    _code("battery_temperature_min_probe"),
                    _celsius("battery_temperature_min_c"),
                )
            ),
        ),
    ),
    0x07: ("alarms", (Fixed(_ALARMS), *_FAULTS)),
    0x08: (
        "cells",
        (
            Counted(
                "packs",
                1,
                (
                    Fixed(
                        (
                            _code("index"),
                            _tenths("voltage_v"),
                            _tenths("current_a", -1000),
                            _code("cells", ">u2"),
                            _code("first_cell", ">u2"),
                        )
                    ),
                    _cells("voltages", 1),
                ),
            ),
        ),
    ),
    0x09: ("temperatures", _PROBES),
}

ITEMS_2025: Mapping[int, tuple[str, Layout]] = {
    0x01: ("vehicle", (Fixed((*_VEHICLE, _tenths("current_a", -3000, 60_000), *_SUPPLY, _INSULATION)),)),
    0x02: (
        "motors",
        (
            Counted(
                "motors",
                1,
                (
                    Fixed(
                        (
                            *_MOTOR,
                            Wire("speed_rpm", ">u2", offset=-32_000),
                            Wire("torque_nm", ">u4", divide=10, offset=-20_000),
                            _celsius("temperature_c"),
                        )
                    ),
                ),
            ),
        ),
    ),
    0x03: (
        "fuel_cell",
        (Fixed((*_HYDROGEN, _code("hydrogen_left_raw"), _celsius("fuel_cell_dcdc_temperature_c"))),),
    ),
    0x04: ("engine", (Fixed((Wire("engine_speed_rpm", ">u2", most=60_000),)),)),
    0x05: ("position", (Fixed((_POSITION_FLAGS, _code("coordinate_system"), *_PLACE)),)),
    0x06: (
        "alarms",
        (
            Fixed(_ALARMS),
            *_FAULTS,
            Counted("general_faults", 1, (Fixed((_code("number", has_gaps=False), _code("level", has_gaps=False))),)),
        ),
    ),
    0x07: (
        "cells",
        (
            Counted(
                "packs",
                1,
                (Fixed((_code("index"), _tenths("voltage_v"), _tenths("current_a", -3000))), _cells("voltages", 2)),
            ),
        ),
    ),
    0x08: ("temperatures", _PROBES),
    0x30: (
        "stacks",
        (
            Counted(
                "stacks",
                1,
                (
                    Fixed(
                        (
                            _code("index"),
                            _tenths("voltage_v"),
                            _tenths("current_a"),
                            _code("hydrogen_inlet_pressure_raw", ">u2"),
                            _code("air_inlet_pressure_raw", ">u2"),
                            _celsius("air_inlet_temperature_c"),
                        )
                    ),
                    _temperatures("temperatures"),
                ),
            ),
        ),
    ),
    0x31: (
        "capacitors",
        (
            Fixed((_code("index"), _tenths("voltage_v"), _tenths("current_a", -3000))),
            _cells("voltages", 2),
            _temperatures("temperatures"),
        ),
    ),
    0x32: (
        "capacitor_extremes",
        (
            Fixed(
                (
                    _code("voltage_max_system"),
                    _code("voltage_max_cell", ">u2"),
                    Wire("voltage_max_v", ">u2", divide=1000),
                    _code("voltage_min_system"),
                    _code("voltage_min_cell", ">u2"),
                    Wire("voltage_min_v", ">u2", divide=1000),
                    _code("temperature_max_system"),
                    _code("temperature_max_probe", ">u2"),
                    _celsius("temperature_max_c"),
                    _code("temperature_min_system"),
                    _code("temperature_min_probe", ">u2"),
                    _celsius("temperature_min_c"),
                )
            ),
        ),
    ),
    0xFF: ("signature", (Fixed((_code("algorithm", has_gaps=False),)), _bytes("r"), _bytes("s"))),
}

SIGNATURE = 0xFF  # closes a report of 2025
ITEMS: Mapping[int, Mapping[int, tuple[str, Layout]]] = {2016: ITEMS_2016, 2025: ITEMS_2025}
# Kept as bytes: what platforms agree on, and what makers define. Both begin with a length of two bytes.
_AGREED = {2016: range(0x0A, 0x30), 2025: range(0x09, 0x30)}
_OWN = range(0x80, 0xFF)


def layout_of(edition: int, code: int) -> Layout | None:
    """The layout of an item; None for a code that the edition reserves, whose length nobody knows."""
    if code in ITEMS[edition]:
        return ITEMS[edition][code][1]
    return _OPAQUE if code in _OWN or code in _AGREED[edition] else None


def name_of(edition: int, code: int) -> str:
    """What an item is called in JSON."""
    return ITEMS[edition][code][0] if code in ITEMS[edition] else f"custom_{code:02x}"


def code_of(edition: int, name: str) -> int:
    """The code of a named item; KeyError when the edition has none."""
    return {item: code for code, (item, _) in ITEMS[edition].items()}[name]
