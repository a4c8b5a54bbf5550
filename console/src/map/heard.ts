// How far each roadside unit has been heard from, while this page was open: the furthest road user that it told of, by bearing.

import { type Picture } from "./picture";

const SECTORS = 36;
const LEAST_M = 5;

export class Heard {
  private readonly reach = new Map<number, Float32Array>();

  /** Take in who is reported by whom now; `places` are the units' own, east and north by device key. */
  look(picture: Picture, places: ReadonlyMap<number, readonly [number, number]>): void {
    const { device_key, east_m, north_m } = picture.columns;
    for (let row = 0; row < picture.count; row += 1) {
      const key = device_key[row] ?? 0;
      const place = places.get(key);
      if (!place) continue;
      const [east, north] = [(east_m[row] ?? 0) - place[0], (north_m[row] ?? 0) - place[1]];
      let reach = this.reach.get(key);
      if (!reach) this.reach.set(key, (reach = new Float32Array(SECTORS)));
      const sector = Math.floor(((Math.atan2(east, north) + 2 * Math.PI) / (2 * Math.PI)) * SECTORS) % SECTORS;
      reach[sector] = Math.max(reach[sector] ?? 0, Math.hypot(east, north));
    }
  }

  /** A closed line (east, north in pairs) around what a unit has heard; undefined when it has heard nobody. */
  outline(key: number, place: readonly [number, number]): [number, number][] | undefined {
    const reach = this.reach.get(key);
    if (!reach) return undefined;
    const points = Array.from(reach, (metres, sector): [number, number] => {
      const angle = ((sector + 0.5) / SECTORS) * 2 * Math.PI;
      const far = Math.max(metres, LEAST_M);
      return [place[0] + far * Math.sin(angle), place[1] + far * Math.cos(angle)];
    });
    return [...points, points[0] ?? [place[0], place[1]]];
  }
}
