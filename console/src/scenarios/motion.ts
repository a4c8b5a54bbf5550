// Where everybody is at any time of a run: rows of instants in their order, as many as have come.

import type { Rows } from "./run";

export interface Placed {
  readonly actor: number;
  readonly x: number;
  readonly y: number;
  readonly elevation: number;
  readonly heading: number;
  readonly speed: number;
}

export class Motion {
  private readonly times: number[] = [];
  private readonly places: (readonly Placed[])[] = [];

  /** The time of the newest instant; 0 before there is one. */
  get endS(): number {
    return this.times.at(-1) ?? 0;
  }

  get instants(): number {
    return this.times.length;
  }

  add(table: Rows): void {
    let [at, placed]: [number | undefined, Placed[]] = [undefined, []];
    for (let row = 0; row < table.rows; row += 1) {
      const now = table.at_s[row] ?? 0;
      if (now !== at) {
        placed = [];
        at = now;
        this.times.push(now);
        this.places.push(placed);
      }
      placed.push(placedOf(table, row));
    }
  }

  /** Between two instants everybody who is there at both moves evenly. */
  at(timeS: number): readonly Placed[] {
    const before = Math.max(countUpTo(this.times, timeS) - 1, 0);
    const [one, other] = [this.places[before], this.places[before + 1]];
    if (!one) return [];
    const [beginS, endS] = [this.times[before] ?? 0, this.times[before + 1]];
    if (!other || endS === undefined || timeS <= beginS) return one;
    const later = new Map(other.map((placed) => [placed.actor, placed]));
    return one.map((placed) => between(placed, later.get(placed.actor), (timeS - beginS) / (endS - beginS)));
  }

  /** Everybody's places at every instant, for what is asked of a run as a whole. */
  all(): readonly (readonly Placed[])[] {
    return this.places;
  }
}

function placedOf(table: Rows, row: number): Placed {
  const of = (column: ArrayLike<number>) => column[row] ?? NaN;
  return { actor: of(table.actor), x: of(table.x_m), y: of(table.y_m), elevation: of(table.elevation_m), heading: of(table.heading_deg), speed: of(table.speed_mps) };
}

function between(one: Placed, other: Placed | undefined, share: number): Placed {
  if (!other) return one;
  const mix = (from: number, to: number) => from + share * (to - from);
  const turn = ((other.heading - one.heading + 540) % 360) - 180; // the shorter way round
  return {
    actor: one.actor,
    x: mix(one.x, other.x),
    y: mix(one.y, other.y),
    elevation: mix(one.elevation, other.elevation),
    heading: (one.heading + share * turn + 360) % 360,
    speed: mix(one.speed, other.speed),
  };
}

/** How many of ascending times are at most `limit`. */
export function countUpTo(times: readonly number[], limit: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
