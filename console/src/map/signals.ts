// Signals on the map: which stop line each phase of the picture holds, what it shows, and for how long still.

import type { Signals } from "./picture";
import type { Drawing } from "./roads";

export type Light = "red" | "green" | "yellow" | "dark" | "unknown";

export interface Head {
  readonly place: readonly [number, number, number];
  readonly light: Light;
  readonly leftS: number | null;
}

/** LightState of YD/T 3709-2020: 1 dark, 2 and 3 red, 4 to 6 green, 7 and 8 yellow. */
export function lightOf(code: number): Light {
  if (code === 1) return "dark";
  if (code === 2 || code === 3) return "red";
  if (code >= 4 && code <= 6) return "green";
  return code === 7 || code === 8 ? "yellow" : "unknown";
}

/** A head for each stop line whose phase the picture has, and how many phases have no stop line here. */
export function headsOf(signals: Signals, lines: Drawing["stop_lines"] | undefined): { heads: Head[]; unplaced: number } {
  const rows = new Map<number, number[]>();
  lines?.intersection.forEach((intersection, row) => {
    const key = keyOf(intersection, lines.phase[row] ?? 0);
    rows.set(key, [...(rows.get(key) ?? []), row]);
  });
  const heads: Head[] = [];
  let unplaced = 0;
  signals.phase.forEach((phase, at) => {
    // The roads' own numbers are of region 0; what a MAP of another region numbers is not on this drawing.
    const found = signals.region[at] ? undefined : rows.get(keyOf(signals.intersection[at] ?? 0, phase));
    if (!lines || !found) unplaced += 1;
    else
      for (const row of found)
        heads.push({
          place: [lines.east_m[row] ?? 0, lines.north_m[row] ?? 0, (lines.up_m[row] ?? 0) + 0.3],
          light: lightOf(signals.light[at] ?? 0),
          leftS: signals.likely_end_s[at] ?? null,
        });
  });
  return { heads, unplaced };
}

function keyOf(intersection: number, phase: number): number {
  return intersection * 65_536 + phase;
}
