"""What sensors measure: THE table of quantities, each with its number in the database, its SI unit, range and FIWARE name.

Names follow the properties of FIWARE's smart data models (https://smartdatamodels.org) where these have one; `model` says which,
and is empty for ours. A number is never given twice nor changed: stored rows hold it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from chelu.errors import NotAllowedError

KELVIN_0C = 273.15


class Field(enum.StrEnum):
    """What a quantity belongs to."""

    WEATHER = "weather"
    AIR = "air"
    NOISE = "noise"
    WATER = "water"
    TRAFFIC = "traffic"
    PEOPLE = "people"
    PARKING = "parking and gates"
    ROAD = "road surface"
    ENERGY = "energy and lighting"
    WASTE = "waste"
    PORT = "port"


@dataclass(frozen=True, slots=True)
class Quantity:
    """low … high: what is possible, in `unit` (SI); usual_unit: what it mostly comes in; model: FIWARE's Model.property."""

    code: int
    name: str
    field: Field
    unit: str
    usual_unit: str
    low: float
    high: float
    model: str
    about: str


def _celsius(low: float, high: float) -> tuple[float, float]:
    return round(low + KELVIN_0C, 2), round(high + KELVIN_0C, 2)


_MG, _UG = 1e-6, 1e-9  # kg
_W, _A, _N, _H, _T = Field.WEATHER, Field.AIR, Field.NOISE, Field.WATER, Field.TRAFFIC
_P, _G, _R, _E, _S, _Q = Field.PEOPLE, Field.PARKING, Field.ROAD, Field.ENERGY, Field.WASTE, Field.PORT
_WEATHER, _AIR, _NOISE = "WeatherObserved.", "AirQualityObserved.", "NoiseLevelObserved."
_WATER, _TRAFFIC, _CROWD = "WaterQualityObserved.", "TrafficFlowObserved.", "CrowdFlowObserved."
_PARKING = "OffStreetParking."

QUANTITIES: tuple[Quantity, ...] = (
    Quantity(1, "air_temperature", _W, "K", "degC", *_celsius(-90, 70), _WEATHER + "temperature", "of the air"),
    Quantity(
        2, "feels_like_temperature", _W, "K", "degC", *_celsius(-120, 90), _WEATHER + "feelsLikeTemperature", "as it is felt"
    ),
    Quantity(3, "dew_point", _W, "K", "degC", *_celsius(-100, 60), _WEATHER + "dewPoint", ""),
    Quantity(4, "relative_humidity", _W, "1", "percent", 0, 1, _WEATHER + "relativeHumidity", "1 is saturated"),
    Quantity(
        5, "atmospheric_pressure", _W, "Pa", "hPa", 30_000, 110_000, _WEATHER + "atmosphericPressure", "at the sensor's height"
    ),
    Quantity(6, "wind_speed", _W, "m/s", "m/s", 0, 120, _WEATHER + "windSpeed", "mean"),
    Quantity(7, "wind_gust_speed", _W, "m/s", "m/s", 0, 150, "", "highest of the period"),
    Quantity(8, "wind_direction", _W, "deg", "deg", 0, 360, _WEATHER + "windDirection", "whence it blows, clockwise from north"),
    Quantity(9, "precipitation", _W, "m", "mm", 0, 2, _WEATHER + "precipitation", "height of water of the period"),
    Quantity(10, "precipitation_rate", _W, "m/s", "mm/h", 0, 5e-4, "", "at the moment"),
    Quantity(11, "solar_radiation", _W, "W/m^2", "W/m^2", 0, 2_000, _WEATHER + "solarRadiation", "on level ground"),
    Quantity(12, "illuminance", _W, "lx", "lx", 0, 200_000, _WEATHER + "illuminance", ""),
    Quantity(13, "uv_index", _W, "1", "1", 0, 50, _WEATHER + "uVIndexMax", "of the WHO"),
    Quantity(14, "snow_height", _W, "m", "cm", 0, 15, _WEATHER + "snowHeight", ""),
    Quantity(15, "visibility", _W, "m", "m", 0, 200_000, "", "meteorological optical range; FIWARE has it in words only"),
    Quantity(20, "pm1", _A, "kg/m^3", "ug/m^3", 0, 10 * _MG, _AIR + "pm1", "particles up to 1 µm"),
    Quantity(21, "pm2_5", _A, "kg/m^3", "ug/m^3", 0, 10 * _MG, _AIR + "pm25", "particles up to 2.5 µm"),
    Quantity(22, "pm10", _A, "kg/m^3", "ug/m^3", 0, 20 * _MG, _AIR + "pm10", "particles up to 10 µm"),
    Quantity(23, "carbon_monoxide", _A, "kg/m^3", "mg/m^3", 0, 1_000 * _MG, _AIR + "co", ""),
    Quantity(24, "carbon_dioxide", _A, "1", "ppm", 0, 0.1, _AIR + "co2", "share of the volume"),
    Quantity(25, "nitrogen_monoxide", _A, "kg/m^3", "ug/m^3", 0, 20 * _MG, _AIR + "no", ""),
    Quantity(26, "nitrogen_dioxide", _A, "kg/m^3", "ug/m^3", 0, 20 * _MG, _AIR + "no2", ""),
    Quantity(27, "nitrogen_oxides", _A, "kg/m^3", "ug/m^3", 0, 40 * _MG, _AIR + "nox", "all together"),
    Quantity(28, "ozone", _A, "kg/m^3", "ug/m^3", 0, 10 * _MG, _AIR + "o3", ""),
    Quantity(29, "sulphur_dioxide", _A, "kg/m^3", "ug/m^3", 0, 50 * _MG, _AIR + "so2", ""),
    Quantity(30, "benzene", _A, "kg/m^3", "ug/m^3", 0, 10 * _MG, _AIR + "c6h6", ""),
    Quantity(31, "hydrogen_sulphide", _A, "kg/m^3", "ug/m^3", 0, 150 * _MG, _AIR + "sh2", ""),
    Quantity(32, "volatile_organic_compounds", _A, "kg/m^3", "ug/m^3", 0, 100 * _MG, _AIR + "volatileOrganicCompoundsTotal", ""),
    Quantity(33, "air_quality_index", _A, "1", "1", 0, 1_000, _AIR + "airQualityIndex", "by the country's own rule"),
    Quantity(40, "sound_level", _N, "dB", "dB", 0, 194, _NOISE + "LAeq", "A-weighted, equivalent of the period"),
    Quantity(41, "sound_level_max", _N, "dB", "dB", 0, 194, _NOISE + "LAmax", "A-weighted, highest of the period"),
    Quantity(42, "sound_level_slow", _N, "dB", "dB", 0, 194, _NOISE + "LAS", "A-weighted, slow"),
    Quantity(43, "sound_level_day", _N, "dB", "dB", 0, 194, _NOISE + "LAeq_d", "A-weighted, equivalent of a day"),
    Quantity(50, "water_level", _H, "m", "m", -50, 500, _WEATHER + "streamGauge", "above the gauge's zero"),
    Quantity(51, "water_flow", _H, "m^3/s", "m^3/s", -500_000, 500_000, "", "discharge, downstream positive"),
    Quantity(52, "ponding_depth", _H, "m", "cm", 0, 20, "", "of water that stands on a road or in an underpass"),
    Quantity(53, "water_temperature", _H, "K", "degC", *_celsius(-5, 100), _WATER + "temperature", ""),
    Quantity(54, "water_conductivity", _H, "S/m", "uS/cm", 0, 100, _WATER + "conductivity", "electrical"),
    Quantity(55, "water_ph", _H, "1", "1", 0, 14, _WATER + "pH", ""),
    Quantity(56, "water_turbidity", _H, "NTU", "NTU", 0, 100_000, _WATER + "turbidity", "nephelometric"),
    Quantity(57, "dissolved_oxygen", _H, "kg/m^3", "mg/L", 0, 0.1, _WATER + "O2", ""),
    Quantity(58, "water_suspended_solids", _H, "kg/m^3", "mg/L", 0, 500, _WATER + "tss", ""),
    Quantity(59, "water_dissolved_solids", _H, "kg/m^3", "mg/L", 0, 500, _WATER + "tds", ""),
    Quantity(60, "water_oxygen_demand", _H, "kg/m^3", "mg/L", 0, 500, _WATER + "cod", "chemical"),
    Quantity(61, "water_ammonium", _H, "kg/m^3", "mg/L", 0, 10, _WATER + "NH4", ""),
    Quantity(62, "water_nitrate", _H, "kg/m^3", "mg/L", 0, 10, _WATER + "NO3", ""),
    Quantity(63, "water_redox_potential", _H, "V", "mV", -2, 2, _WATER + "orp", ""),
    Quantity(70, "vehicle_count", _T, "1", "1", 0, 100_000, _TRAFFIC + "intensity", "vehicles in the period"),
    Quantity(71, "traffic_flow", _T, "1/s", "1/h", 0, 20, "", "vehicles in a time"),
    Quantity(72, "traffic_occupancy", _T, "1", "percent", 0, 1, _TRAFFIC + "occupancy", "share of the time with a vehicle on it"),
    Quantity(73, "average_vehicle_speed", _T, "m/s", "km/h", 0, 100, _TRAFFIC + "averageVehicleSpeed", ""),
    Quantity(74, "average_vehicle_length", _T, "m", "m", 0, 100, _TRAFFIC + "averageVehicleLength", ""),
    Quantity(75, "average_headway_time", _T, "s", "s", 0, 86_400, _TRAFFIC + "averageHeadwayTime", "from vehicle to vehicle"),
    Quantity(76, "average_gap_distance", _T, "m", "m", 0, 100_000, _TRAFFIC + "averageGapDistance", "from vehicle to vehicle"),
    Quantity(77, "queue_length", _T, "m", "m", 0, 50_000, "", ""),
    Quantity(80, "people_count", _P, "1", "1", 0, 1_000_000, _CROWD + "peopleCount", "in the period, or present"),
    Quantity(81, "walkway_occupancy", _P, "1", "percent", 0, 1, _CROWD + "occupancy", "share of the time with a person on it"),
    Quantity(82, "average_crowd_speed", _P, "m/s", "km/h", 0, 15, _CROWD + "averageCrowdSpeed", ""),
    Quantity(83, "average_person_headway", _P, "s", "s", 0, 86_400, _CROWD + "averageHeadwayTime", "from person to person"),
    Quantity(84, "people_density", _P, "1/m^2", "1/m^2", 0, 20, "", ""),
    Quantity(90, "free_spots", _G, "1", "1", 0, 100_000, _PARKING + "availableSpotNumber", "parking spots"),
    Quantity(91, "occupied_spots", _G, "1", "1", 0, 100_000, _PARKING + "occupiedSpotNumber", "parking spots"),
    Quantity(92, "total_spots", _G, "1", "1", 0, 100_000, _PARKING + "totalSpotNumber", "parking spots"),
    Quantity(93, "parking_occupancy", _G, "1", "percent", 0, 1, _PARKING + "occupancy", "share of the spots"),
    Quantity(94, "gate_entries", _G, "1", "1", 0, 100_000, "", "vehicles that came in, in the period"),
    Quantity(95, "gate_exits", _G, "1", "1", 0, 100_000, "", "vehicles that went out, in the period"),
    Quantity(96, "gate_opening", _G, "1", "percent", 0, 1, "", "0 shut, 1 open"),
    Quantity(100, "road_surface_temperature", _R, "K", "degC", *_celsius(-60, 100), "", ""),
    Quantity(101, "road_water_film", _R, "m", "mm", 0, 0.1, "", "height of water on the surface"),
    Quantity(102, "road_ice_fraction", _R, "1", "percent", 0, 1, "", "share of the water that is ice"),
    Quantity(103, "road_friction", _R, "1", "1", 0, 1.5, "", "coefficient"),
    Quantity(110, "lamp_level", _E, "1", "percent", 0, 1, "Streetlight.illuminanceLevel", "1 is full light"),
    Quantity(111, "electric_power", _E, "W", "kW", -1e9, 1e9, "", "taken positive"),
    Quantity(112, "electric_energy", _E, "J", "kWh", 0, 1e18, "", "meter reading"),
    Quantity(113, "electric_voltage", _E, "V", "V", -1e6, 1e6, "", ""),
    Quantity(114, "electric_current", _E, "A", "A", -1e5, 1e5, "", ""),
    Quantity(115, "battery_level", _E, "1", "percent", 0, 1, "Device.batteryLevel", "of the sensor's own battery"),
    Quantity(120, "filling_level", _S, "1", "percent", 0, 1, "WasteContainer.fillingLevel", "1 is full"),
    Quantity(130, "waiting_trucks", _Q, "1", "1", 0, 10_000, "", "trucks that wait before a gate"),
    Quantity(131, "vehicle_weight", _Q, "kg", "kg", 0, 1_000_000, "", "on a weighbridge"),
    Quantity(132, "occupied_berths", _Q, "1", "1", 0, 10_000, "", "berths with a ship"),
    Quantity(133, "total_berths", _Q, "1", "1", 0, 10_000, "", ""),
)


@cache
def by_name() -> Mapping[str, Quantity]:
    """The table by name."""
    return {one.name: one for one in QUANTITIES}


@cache
def by_code() -> Mapping[int, Quantity]:
    """The table by number."""
    return {one.code: one for one in QUANTITIES}


def find(name: object, where: str = "quantity") -> Quantity:
    """The quantity of this name; NotAllowedError for any other."""
    found = by_name().get(name) if isinstance(name, str) else None
    if found is None:
        raise NotAllowedError(where, name, "one that chelu quantities lists, such as air_temperature")
    return found
