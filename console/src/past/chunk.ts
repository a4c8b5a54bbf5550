// One answer of /api/sites/…/past/picture: reports in the order of time, whose they are, lights and warnings of that while.

import { readTable } from "../live/columns";

export interface Named {
  readonly kind: number;
  readonly key: string;
}

export interface PastState {
  readonly at_ms: number;
  /** 0: it has ended. */
  readonly level: number;
  readonly until_ms: number | null;
  readonly ttc_s: number | null;
  readonly distance_m: number | null;
}

export interface PastWarning {
  readonly warning_id: string;
  readonly application: string;
  readonly raised_us: number;
  readonly host: Named;
  readonly other: Named | null;
  readonly subject: { readonly kind: string; readonly id: string; readonly place: readonly (number | null)[] } | null;
  readonly states: readonly PastState[];
}

export interface PastHeader {
  readonly site: string;
  readonly from_us: number;
  readonly until_us: number;
  readonly origin: { readonly latitude_deg: number; readonly longitude_deg: number; readonly elevation_m: number };
  readonly tracks: {
    readonly kind: readonly number[];
    readonly key: readonly string[];
    readonly participant_type: readonly number[];
    readonly length_m: readonly (number | null)[];
    readonly width_m: readonly (number | null)[];
    readonly device_key: readonly number[];
    readonly twin: readonly number[];
  };
  readonly signals: {
    readonly region: readonly number[];
    readonly intersection: readonly number[];
    readonly phase: readonly number[];
    readonly at_ms: readonly number[];
    readonly light: readonly number[];
    readonly end_ms: readonly (number | null)[];
  };
  readonly warnings: readonly PastWarning[];
}

const MEASURED = ["east_m", "north_m", "up_m", "speed_mps", "heading_deg"] as const;
export type Measured = (typeof MEASURED)[number];

export interface Chunk {
  readonly header: PastHeader;
  readonly rows: number;
  /** Ascending, from the chunk's beginning on. */
  readonly atMs: Uint32Array;
  readonly track: Uint32Array;
  readonly values: Readonly<Record<Measured, Float32Array>>;
  /** By track of the chunk, its number for all chunks. */
  readonly slots: Uint32Array;
}

/** Numbers for road users that stay the same from chunk to chunk. */
export class Slots {
  private readonly numbers = new Map<string, number>();
  readonly of: (Named & { participant_type: number; length_m: number; width_m: number; device_key: number })[] = [];

  find({ kind, key }: Named): number | undefined {
    return this.numbers.get(`${kind}${key}`);
  }

  take({ tracks }: PastHeader): Uint32Array {
    return Uint32Array.from(tracks.key, (key, at) => {
      const kind = tracks.kind[at] ?? 0;
      const name = `${kind}${key}`;
      const slot = this.numbers.get(name) ?? this.of.length;
      this.numbers.set(name, slot);
      this.of[slot] = {
        kind,
        key,
        participant_type: tracks.participant_type[at] ?? 0,
        length_m: tracks.length_m[at] ?? NaN,
        width_m: tracks.width_m[at] ?? NaN,
        device_key: tracks.device_key[at] ?? 0,
      };
      return slot;
    });
  }
}

export function readChunk(buffer: ArrayBuffer, slots: Slots): Chunk {
  const { header, rows, columns } = readTable<PastHeader>(buffer);
  const values = Object.fromEntries(MEASURED.map((name) => [name, columns.get(name) ?? new Float32Array(rows)])) as unknown as Chunk["values"];
  const [atMs, track] = [columns.get("at_ms") as Uint32Array, columns.get("track") as Uint32Array];
  return { header, rows, atMs, track, values, slots: slots.take(header) };
}

/** How many of ascending values are at most `limit`. */
export function countUpTo(values: Uint32Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
