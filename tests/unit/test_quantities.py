"""The table of quantities, and units → SI, held against values worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chelu.conversion import AS_IT_IS, conversion
from chelu.errors import NotAllowedError
from chelu.quantities import QUANTITIES, by_code, by_name, find
from chelu.quantities_page import page

# Unit, quantity, a value in the unit, the same in SI.
KNOWN = [
    ("degC", "air_temperature", 20, 293.15),
    ("°C", "air_temperature", -40, 233.15),
    ("degF", "air_temperature", -40, 233.15),
    ("K", "air_temperature", 300, 300),
    ("%", "relative_humidity", 55, 0.55),
    ("percent", "relative_humidity", 55, 0.55),
    ("hPa", "atmospheric_pressure", 1013.25, 101_325),
    ("kPa", "atmospheric_pressure", 101.325, 101_325),
    ("mbar", "atmospheric_pressure", 1000, 100_000),
    ("km/h", "wind_speed", 90, 25),
    ("knot", "wind_speed", 36, 36 * 1852 / 3600),
    ("mm", "precipitation", 12, 0.012),
    ("L/m2", "precipitation", 12, 0.012),
    ("mm/h", "precipitation_rate", 36, 1e-5),
    ("µg/m³", "pm2_5", 35, 3.5e-8),
    ("μg/m^3", "pm10", 35, 3.5e-8),
    ("ug/m3", "pm1", 35, 3.5e-8),
    ("mg·m⁻³", "carbon_monoxide", 2, 2e-6),
    ("ppm", "carbon_dioxide", 420, 4.2e-4),
    ("dBA", "sound_level", 60, 60),
    ("cm", "ponding_depth", 30, 0.3),
    ("m3/s", "water_flow", 5, 5),
    ("uS/cm", "water_conductivity", 500, 0.05),
    ("mg/L", "dissolved_oxygen", 8, 0.008),
    ("mV", "water_redox_potential", 200, 0.2),
    ("vehicles/h", "traffic_flow", 1800, 0.5),
    ("1/min", "traffic_flow", 30, 0.5),
    ("vehicles", "vehicle_count", 7, 7),
    ("people", "people_count", 7, 7),
    ("kWh", "electric_energy", 1, 3.6e6),
    ("rad", "wind_direction", 3.141592653589793, 180),
]


@pytest.mark.parametrize(("unit", "name", "value", "si"), KNOWN, ids=str)
def test_a_unit_becomes_si(unit: str, name: str, value: float, si: float) -> None:
    rule = conversion(unit, find(name))
    assert value * rule.factor + rule.offset == pytest.approx(si, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)
def test_every_quantity_takes_its_usual_and_its_own_unit(quantity: object) -> None:
    one = find(quantity.name)  # type: ignore[attr-defined]
    assert conversion(one.unit, one) == conversion(None, one) == AS_IT_IS
    usual = conversion(one.usual_unit, one)
    assert usual.factor > 0
    low, high = ((bound - usual.offset) / usual.factor for bound in (one.low, one.high))
    assert low < high <= 1e12


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "km",
        "degC/m",
        "m**9999999",
        "10**10**10 K",
        "K" * 40,
        "__import__",
        "K;",
        "a.b",
        "delta_degC",
        "nonsense",
        5,
        ["K"],
    ],
)
def test_what_is_no_unit_of_the_quantity_is_refused_at_once(unit: object) -> None:
    with pytest.raises(NotAllowedError, match="a unit of air_temperature, such as degC or K"):
        conversion(unit, find("air_temperature"))


def test_numbers_and_names_are_given_once_and_names_are_of_one_form() -> None:
    assert len(by_code()) == len(by_name()) == len(QUANTITIES) > 60
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", one.name) for one in QUANTITIES)
    assert all(0 < one.code < 65536 and one.low < one.high for one in QUANTITIES)
    models = [one.model for one in QUANTITIES if one.model]
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+\.[A-Za-z0-9_]+", model) for model in models)
    assert len(set(models)) == len(models) > 45


def test_the_page_is_current() -> None:
    document = Path(__file__).parents[2] / "docs" / "formats" / "quantities.md"
    assert document.read_text(encoding="utf-8") == page(), "python -m chelu.quantities_page > docs/formats/quantities.md"


def test_numbers_that_stored_rows_hold_do_not_change() -> None:
    """Some of them; whoever renumbers the table breaks this on purpose."""
    known = {"air_temperature": 1, "pm2_5": 21, "sound_level": 40, "water_level": 50, "vehicle_count": 70, "free_spots": 90}
    assert {name: find(name).code for name in known} == known
