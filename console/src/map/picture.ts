// The live picture as it is now, kept in columns and followed by changes: which road users there are, and what is told of them.

import { type Column, type Table } from "../live/columns";

export interface Warning {
  readonly warning_id: string;
  readonly application: string;
  readonly level: number;
  readonly raised_us: number;
  readonly host: number;
  readonly other: number | null;
  readonly subject: { readonly kind: string; readonly id: string; readonly place: readonly (number | null)[] } | null;
  readonly ttc_s: number | null;
  readonly distance_m: number | null;
  /** Of the host, then of the other: east and north in turn, every 0.4 s from its last report on. */
  readonly futures: readonly (readonly (number | null)[])[];
}

export interface Signals {
  readonly region: readonly number[];
  readonly intersection: readonly number[];
  readonly phase: readonly number[];
  readonly light: readonly number[];
  readonly likely_end_s: readonly (number | null)[];
}

export interface Header {
  readonly site: string;
  readonly time_us: number;
  readonly since_us: number | null;
  readonly gone: readonly number[];
  readonly origin: { readonly latitude_deg: number; readonly longitude_deg: number; readonly elevation_m: number };
  readonly signals: Signals;
  readonly warnings?: readonly Warning[];
  readonly more_warnings?: number;
}

export const SPEAKS = 1;
export const SEEN = 2;
export const UNKNOWN_DECK = -1;

const NAMES = {
  generation: Uint32Array,
  kind: Uint8Array,
  key: BigUint64Array,
  participant_type: Uint8Array,
  east_m: Float32Array,
  north_m: Float32Array,
  up_m: Float32Array,
  speed_mps: Float32Array,
  heading_deg: Float32Array,
  length_m: Float32Array,
  width_m: Float32Array,
  device_key: Int32Array,
  twin: Int32Array,
  user: Uint32Array,
  level: Uint8Array,
  deck: Int8Array,
} as const;
type Name = keyof typeof NAMES;
type Columns = { -readonly [N in Name]: InstanceType<(typeof NAMES)[N]> };
const ALL = Object.keys(NAMES) as Name[];
const NO_ROW = -1;

/** Rows 0 … count − 1 of the columns are the live tracks, in no order; a slot keeps its row for as long as it lives. */
export class Picture {
  count = 0;
  header: Header | undefined;
  columns: Columns = columnsOf(1024);
  slots = new Uint32Array(1024);
  private rows = new Int32Array(1024).fill(NO_ROW);

  /** Take in changes; those of nothing (since_us null) are the whole picture. */
  apply({ rows, header, columns }: Table<Header>): void {
    if (header.since_us === null) this.clear();
    for (const slot of header.gone) this.remove(slot);
    const slots = columns.get("slot") as Uint32Array | undefined;
    if (!slots) return;
    const given = ALL.flatMap((name): [Name, Column][] => {
      const column = columns.get(name);
      return column ? [[name, column]] : [];
    });
    for (let from = 0; from < rows; from += 1) {
      const row = this.rowFor(slots[from] ?? 0);
      for (const [name, column] of given) (this.columns[name] as Column)[row] = column[from] ?? 0;
    }
    this.header = header;
  }

  /** The row of a slot; undefined when nobody has it. */
  rowOf(slot: number): number | undefined {
    const row = this.rows[slot] ?? NO_ROW;
    return row === NO_ROW ? undefined : row;
  }

  private clear(): void {
    this.rows.fill(NO_ROW);
    this.count = 0;
  }

  private rowFor(slot: number): number {
    if (slot >= this.rows.length) this.rows = grown(this.rows, slot + 1, NO_ROW);
    const known = this.rows[slot] ?? NO_ROW;
    if (known !== NO_ROW) return known;
    if (this.count === this.slots.length) this.grow();
    this.rows[slot] = this.count;
    this.slots[this.count] = slot;
    this.count += 1;
    return this.count - 1;
  }

  /** The last row takes the place of the one that goes. */
  private remove(slot: number): void {
    const row = this.rowOf(slot);
    if (row === undefined) return;
    const last = this.count - 1;
    for (const name of ALL) (this.columns[name] as Column)[row] = this.columns[name][last] ?? 0;
    const moved = this.slots[last] ?? 0;
    this.slots[row] = moved;
    this.rows[moved] = row;
    this.rows[slot] = NO_ROW;
    this.count = last;
  }

  private grow(): void {
    const size = this.slots.length * 2;
    const before = this.columns;
    this.columns = columnsOf(size);
    for (const name of ALL) (this.columns[name] as Float32Array).set(before[name] as Float32Array);
    this.slots = grown(this.slots, size, 0);
  }
}

function columnsOf(size: number): Columns {
  return Object.fromEntries(ALL.map((name) => [name, new NAMES[name](size)])) as unknown as Columns;
}

function grown<A extends Int32Array | Uint32Array>(array: A, least: number, fill: number): A {
  const larger = new (array.constructor as new (size: number) => A)(Math.max(array.length * 2, least));
  larger.fill(fill);
  larger.set(array);
  return larger;
}
