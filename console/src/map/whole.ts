// How far a site goes that has no roads: its areas, its units, and who is there now.

import { useMemo } from "react";

import type { Loaded } from "../api/use";
import type { Base } from "./base";
import type { LiveMap, Snapshot } from "./live";
import type { Marked } from "./marked";
import type { Picture } from "./picture";
import { type Bounds, boundsOf } from "./roads";

const FAR_M = 20_000; // who is said to be farther from the site's origin is elsewhere, or does not know where it is

/** The rectangle around both. */
export function together(one: Bounds | undefined, two: Bounds | undefined): Bounds | undefined {
  if (!one || !two) return one ?? two;
  return {
    low: [Math.min(one.low[0], two.low[0]), Math.min(one.low[1], two.low[1])],
    high: [Math.max(one.high[0], two.high[0]), Math.max(one.high[1], two.high[1])],
  };
}

export function aroundAreas({ areas }: Marked): Bounds | undefined {
  return boundsOf(areas.flatMap(({ rings }) => rings.flatMap((ring) => ring.flatMap(([east, north]) => [east, north, 0]))));
}

export function aroundUsers({ columns, count }: Picture): Bounds | undefined {
  const points: number[] = [];
  for (let row = 0; row < count; row += 1) {
    const [east, north] = [columns.east_m[row] ?? 0, columns.north_m[row] ?? 0];
    if (Math.hypot(east, north) < FAR_M) points.push(east, north, 0);
  }
  return boundsOf(points);
}

export interface Whole {
  /** Undefined until it is known. */
  readonly bounds: Bounds | undefined;
  /** Around who moves, where that counts. */
  readonly moving?: (() => Bounds | undefined) | undefined;
  /** Whether it is known who moves. */
  readonly isPictured?: boolean;
}

export function useWhole(base: Base, marked: Loaded<Marked>, map: LiveMap | undefined, snapshot: Snapshot | undefined): Whole {
  const picture = map?.picture;
  const isPictured = snapshot?.hasPicture ?? false;
  const { roads, lanes, devices, bounds } = base;
  const isKnown = Boolean((devices.value ?? devices.failure) && (marked.value ?? marked.failure));
  return useMemo(() => {
    if (!roads.value || lanes.length) return { bounds };
    const moving = picture && (() => aroundUsers(picture));
    return { bounds: isKnown ? together(bounds, marked.value && aroundAreas(marked.value)) : undefined, moving, isPictured };
  }, [roads.value, lanes, bounds, isKnown, marked.value, picture, isPictured]);
}
