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

const EDGES_MS = [0, 5, 10, 20, 50, 100, 200, 500, 1000];

/** A histogram in bins that grow, since latencies do; the last is open. Negative ones (a clock ahead) count into the first. */
export function bins(values: readonly number[]): { name: string; count: number }[] {
  const found = EDGES_MS.map((edge, row) => ({ name: row + 1 < EDGES_MS.length ? `${edge}–${EDGES_MS[row + 1] ?? ""}` : `≥ ${edge}`, count: 0 }));
  for (const value of values) {
    const row = Math.max(0, EDGES_MS.findLastIndex((edge) => value >= edge));
    const bin = found[row];
    if (bin) bin.count += 1;
  }
  return found;
}
