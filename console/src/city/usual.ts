// Units in which people read what sensors measured: stored values are SI, in which fine dust is 0.000000035 and a day 294 (chelu/quantities.py).

interface Usual {
  readonly unit: string;
  /** The value in this unit: (SI − offset) × factor. */
  readonly factor: number;
  readonly offset: number;
}

const UNITS: readonly (readonly [string, number, number, readonly string[]])[] = [
  ["°C", 1, 273.15, ["air_temperature", "feels_like_temperature", "dew_point", "water_temperature", "road_surface_temperature"]],
  ["%", 100, 0, ["relative_humidity", "traffic_occupancy", "walkway_occupancy", "parking_occupancy", "gate_opening", "road_ice_fraction", "lamp_level", "battery_level", "filling_level"]],
  ["hPa", 0.01, 0, ["atmospheric_pressure"]],
  ["mm", 1000, 0, ["precipitation", "road_water_film"]],
  ["mm/h", 3600000, 0, ["precipitation_rate"]],
  ["cm", 100, 0, ["snow_height", "ponding_depth"]],
  ["µg/m³", 1000000000, 0, ["pm1", "pm2_5", "pm10", "nitrogen_monoxide", "nitrogen_dioxide", "nitrogen_oxides", "ozone", "sulphur_dioxide", "benzene", "hydrogen_sulphide", "volatile_organic_compounds"]],
  ["mg/m³", 1000000, 0, ["carbon_monoxide"]],
  ["ppm", 1000000, 0, ["carbon_dioxide"]],
  ["µS/cm", 10000, 0, ["water_conductivity"]],
  ["mg/L", 1000, 0, ["dissolved_oxygen", "water_suspended_solids", "water_dissolved_solids", "water_oxygen_demand", "water_ammonium", "water_nitrate"]],
  ["mV", 1000, 0, ["water_redox_potential"]],
  ["1/h", 3600, 0, ["traffic_flow"]],
  ["km/h", 3.6, 0, ["average_vehicle_speed", "average_crowd_speed"]],
  ["kW", 0.001, 0, ["electric_power"]],
  ["kWh", 2.77777777778e-07, 0, ["electric_energy"]],
];
const USUAL = new Map<string, Usual>(UNITS.flatMap(([unit, factor, offset, quantities]) => quantities.map((name): [string, Usual] => [name, { unit, factor, offset }])));
const SHOWN: Readonly<Partial<Record<string, string>>> = { "1": "", deg: "°", "m^3/s": "m³/s", "1/m^2": "1/m²", "W/m^2": "W/m²" };
const DIGITS = 9; // so many count: more are the conversion's own

/** How values of a quantity, which come in `unit`, are read: their unit, and a value in it. */
export function usualOf(quantity: string, unit: string): { readonly unit: string; readonly of: (value: number) => number } {
  const usual = USUAL.get(quantity);
  if (!usual) return { unit: SHOWN[unit] ?? unit, of: (value) => value };
  return { unit: usual.unit, of: (value) => Number(((value - usual.offset) * usual.factor).toPrecision(DIGITS)) };
}
