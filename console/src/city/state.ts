// Traffic state as it is stored: the newest row of every segment, the slowest first, and the network's rows in time.

export interface StateRow {
  readonly time_us: number;
  readonly place: string;
  readonly vehicles: number | null;
  readonly flow_vph: number | null;
  readonly mean_speed_mps: number | null;
  readonly free_speed_mps: number | null;
  readonly travel_time_index: number | null;
  readonly queue_most_vehicles: number | null;
  readonly level: number;
  readonly index: number | null;
  readonly doubt: number;
}

const DOUBTS = ["scaled", "few", "none", "counter", "flawed"] as const; // bits, the lowest first (docs/city/state.md)
export type Doubt = (typeof DOUBTS)[number];

export function doubtsOf(bits: number): Doubt[] {
  return DOUBTS.filter((_, bit) => bits & (1 << bit));
}

/** How much of its free speed a segment has; undefined where it is not known. */
export function shareOf(row: StateRow): number | undefined {
  if (row.mean_speed_mps === null || !row.free_speed_mps) return undefined;
  return row.mean_speed_mps / row.free_speed_mps;
}

/** The newest row of each place, those first that have least of their free speed, those without a speed last. */
export function slowestFirst(rows: readonly StateRow[]): StateRow[] {
  const newest = new Map<string, StateRow>();
  for (const row of rows) if (row.time_us >= (newest.get(row.place)?.time_us ?? 0)) newest.set(row.place, row);
  return [...newest.values()].sort((one, two) => (shareOf(one) ?? 9) - (shareOf(two) ?? 9) || one.place.localeCompare(two.place));
}
