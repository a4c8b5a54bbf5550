// The base map: the site's own road network, as the API draws it.

import type { Palette } from "./palette";

export interface Drawing {
  readonly site_id: string;
  readonly version: number;
  readonly kinds: readonly string[];
  readonly lanes: {
    readonly start: readonly number[];
    readonly points: readonly number[];
    readonly width_m: readonly number[];
    readonly deck: readonly number[];
    readonly kind: readonly number[];
    readonly is_for_vehicles: readonly boolean[];
    readonly link: readonly string[];
  };
  readonly stop_lines: {
    readonly intersection: readonly number[];
    readonly phase: readonly number[];
    readonly east_m: readonly number[];
    readonly north_m: readonly number[];
    readonly up_m: readonly number[];
    readonly heading_deg: readonly number[];
  };
}

export interface Lane {
  readonly path: Float32Array;
  readonly width_m: number;
  readonly deck: number;
  readonly kind: string;
  readonly isForVehicles: boolean;
}

export interface Bounds {
  readonly low: readonly [number, number];
  readonly high: readonly [number, number];
}

export function lanesOf({ lanes, kinds }: Drawing): readonly Lane[] {
  const points = Float32Array.from(lanes.points);
  return lanes.width_m.map((width_m, row) => ({
    path: points.subarray((lanes.start[row] ?? 0) * 3, (lanes.start[row + 1] ?? 0) * 3),
    width_m,
    deck: lanes.deck[row] ?? 0,
    kind: kinds[lanes.kind[row] ?? 0] ?? "",
    isForVehicles: lanes.is_for_vehicles[row] ?? true,
  }));
}

export function decksOf(lanes: readonly Lane[]): readonly number[] {
  return [...new Set(lanes.map((lane) => lane.deck))].sort((one, two) => one - two);
}

/** The rectangle around points given as east, north, up in turn; undefined for none. */
export function boundsOf(points: ArrayLike<number>): Bounds | undefined {
  if (!points.length) return undefined;
  const low: [number, number] = [Infinity, Infinity];
  const high: [number, number] = [-Infinity, -Infinity];
  for (let at = 0; at + 1 < points.length; at += 3)
    for (const axis of [0, 1] as const) {
      const value = points[at + axis] ?? 0;
      low[axis] = Math.min(low[axis], value);
      high[axis] = Math.max(high[axis], value);
    }
  return { low, high };
}

/** A lane's colour; on a level that was not picked it is hardly there. */
export function laneColour(lane: Lane, palette: Palette, level: number | undefined): [number, number, number, number] {
  const alpha = level === undefined || lane.deck === level ? 255 : 45;
  const decks = palette.road;
  const colour = lane.isForVehicles ? decks[Math.min(lane.deck, decks.length - 1)] : palette.pavement;
  const [red, green, blue] = colour ?? palette.pavement;
  return [red, green, blue, lane.kind === "tunnel" ? alpha * 0.45 : alpha];
}
