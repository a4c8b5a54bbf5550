// Where a device stands in the site's local metres: the frame of chelu/geo.py (east and north of the foot at the origin's elevation).

export interface Origin {
  readonly latitude_deg: number;
  readonly longitude_deg: number;
  readonly elevation_m: number;
}

const A_M = 6378137.0; // WGS-84: semi-major axis and first eccentricity squared
const E2 = 6.69437999014e-3;

export function toLocal(origin: Origin, latitudeDeg: number, longitudeDeg: number): [number, number] {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [latitude, base] = [radians(latitudeDeg), radians(origin.latitude_deg)];
  const delta = radians(longitudeDeg - origin.longitude_deg);
  const normal = (angle: number) => A_M / Math.sqrt(1 - E2 * Math.sin(angle) ** 2);
  const axial = (normal(latitude) + origin.elevation_m) * Math.cos(latitude);
  const polar = (angle: number) => (normal(angle) * (1 - E2) + origin.elevation_m) * Math.sin(angle);
  const radial = axial * Math.cos(delta) - (normal(base) + origin.elevation_m) * Math.cos(base);
  return [axial * Math.sin(delta), Math.cos(base) * (polar(latitude) - polar(base)) - Math.sin(base) * radial];
}

const METRES_A_DEGREE = 111_320;
const ROUNDS = 5; // each leaves about a thousandth of what was wrong

/** The latitude and longitude (°) of a place on the ground in local metres: what `toLocal` makes that place of. */
export function toGeodetic(origin: Origin, east: number, north: number): [number, number] {
  const along = METRES_A_DEGREE * Math.cos((origin.latitude_deg * Math.PI) / 180);
  let [latitude, longitude] = [origin.latitude_deg, origin.longitude_deg];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [x, y] = toLocal(origin, latitude, longitude);
    latitude += (north - y) / METRES_A_DEGREE;
    longitude += (east - x) / along;
  }
  return [latitude, longitude];
}
