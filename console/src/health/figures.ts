// Figures of the health page, from what the API says of every device. Pure.

import type { DeviceHealth, DeviceKind, Status } from "../api/types";

export const STATUSES: readonly Status[] = ["healthy", "impaired", "offline", "unheard"];
export type Counts = Record<Status, number>;

/** How many devices of each kind do how; with more than one kind, all together come last. */
export function countByKind(devices: readonly DeviceHealth[]): { kind: DeviceKind | "all"; counts: Counts }[] {
  const none = (): Counts => ({ healthy: 0, impaired: 0, offline: 0, unheard: 0 });
  const kinds = new Map<DeviceKind, Counts>();
  const all = none();
  for (const one of devices) {
    const counts = kinds.get(one.kind) ?? none();
    counts[one.status] += 1;
    all[one.status] += 1;
    kinds.set(one.kind, counts);
  }
  const rows = [...kinds].sort(([one], [two]) => one.localeCompare(two)).map(([kind, counts]) => ({ kind, counts }));
  return rows.length > 1 ? [...rows, { kind: "all" as const, counts: all }] : rows;
}

const LATENCY_EDGES_MS = [0, 5, 10, 20, 50, 100, 200, 500, 1000];
const SKEW_EDGES_MS = [-1000, -100, -10, -1, 1, 10, 100, 1000];

export interface Bin {
  readonly name: string;
  readonly count: number;
}

/** Latencies in bins that grow, since they do; the last is open. Negative ones (a clock ahead) count into the first. */
export function latencyBins(valuesMs: readonly number[]): Bin[] {
  return binned(valuesMs.map((value) => Math.max(value, 0)), LATENCY_EDGES_MS);
}

/** How far clocks are ahead (positive) or behind, in bins that grow to both sides, which are open. */
export function skewBins(valuesMs: readonly number[]): Bin[] {
  const [first = 0] = SKEW_EDGES_MS;
  return [{ name: `< ${first}`, count: valuesMs.filter((value) => value < first).length }, ...binned(valuesMs.filter((value) => value >= first), SKEW_EDGES_MS)];
}

function binned(values: readonly number[], edges: readonly number[]): Bin[] {
  return edges.map((edge, row) => {
    const next = edges[row + 1];
    return { name: next === undefined ? `≥ ${edge}` : `${edge}–${next}`, count: values.filter((value) => value >= edge && (next === undefined || value < next)).length };
  });
}

/** What of a stream comes, beside what has to; is it too little? As the alarm `rate-low` has it, unless a threshold says otherwise. */
export function ratesOf({ rates_hz: rates, expected_hz: expected }: Pick<DeviceHealth, "rates_hz" | "expected_hz">): Rate[] {
  const streams = [...new Set([...Object.keys(expected), ...Object.keys(rates)])];
  return streams.map((stream) => {
    const [hz, expectedHz] = [rates[stream] ?? 0, expected[stream]];
    return { stream, hz, expectedHz, isLow: expectedHz !== undefined && hz < LOW_SHARE * expectedHz };
  });
}

export interface Rate {
  readonly stream: string;
  readonly hz: number;
  readonly expectedHz: number | undefined;
  readonly isLow: boolean;
}

const LOW_SHARE = 0.8;
