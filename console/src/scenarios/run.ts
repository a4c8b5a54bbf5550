// A run as it is told: who was where when as columns; who takes part, the road, what came when and what was required as the header.
// Written by simulators/scenario/evidence/motion.py, of a run that is kept, and of one that goes on (docs/formats/columns.md).

import { readTable } from "../live/columns";
import type { Numeric, Verdict } from "./api";

export interface Actors {
  readonly name: readonly string[];
  readonly kind: readonly string[];
  readonly length_m: readonly number[];
  readonly width_m: readonly number[];
  readonly is_under_test: readonly boolean[];
  readonly is_traffic: readonly boolean[];
}

export interface Events {
  readonly time_s: readonly number[];
  readonly kind: readonly ("manoeuvre" | "warning" | "contact")[];
  readonly what: readonly string[];
  readonly who: readonly string[];
  readonly about: readonly string[];
  readonly state: readonly string[];
}

export interface Required {
  readonly title: readonly string[];
  readonly unit: readonly string[];
  readonly verdict: readonly Verdict[];
  readonly value: readonly Numeric[];
  readonly limit: readonly Numeric[];
  readonly at_s: readonly Numeric[];
}

export interface Lights {
  readonly signal: readonly string[];
  readonly time_s: readonly number[];
  readonly light: readonly number[];
}

/** What has come: of a run that is kept, all of it. */
export interface Told {
  readonly lights: Lights;
  readonly events: Events;
  readonly requirements: Required;
}

export interface Scene {
  readonly actors: Actors;
  readonly ways: readonly { readonly name: string; readonly elevation_m: number; readonly edges: readonly (readonly number[])[] }[];
  readonly stop_lines: readonly { readonly signal: string; readonly x_m: readonly number[]; readonly y_m: readonly number[] }[];
  readonly end_s: number;
}

export interface Rows {
  readonly rows: number;
  readonly at_s: ArrayLike<number>;
  readonly actor: ArrayLike<number>;
  readonly x_m: ArrayLike<number>;
  readonly y_m: ArrayLike<number>;
  readonly elevation_m: ArrayLike<number>;
  readonly heading_deg: ArrayLike<number>;
  readonly speed_mps: ArrayLike<number>;
}

/** An answer of a test that goes on. first, next: which rows of all these are; so_far and the scene are empty before it moves. */
export interface Going extends Partial<Scene> {
  readonly so_far: Partial<Told> & { readonly through_s?: number };
  readonly first: number;
  readonly next: number;
}

const NAMES = ["at_s", "actor", "x_m", "y_m", "elevation_m", "heading_deg", "speed_mps"] as const;

export interface Read<H> {
  readonly header: H;
  readonly table: Rows;
}

export function readRun<H>(buffer: ArrayBuffer): Read<H> {
  const { header, rows, columns } = readTable<H>(buffer);
  const found = Object.fromEntries(NAMES.map((name) => [name, columns.get(name) ?? new Float32Array(rows)])) as unknown as Omit<Rows, "rows">;
  return { header, table: { rows, ...found } };
}

/** The case of a file that can be played; undefined of any other. */
export function caseOf(file: string): number | undefined {
  const found = /^run-(\d+)\.columns$/.exec(file);
  return found ? Number(found[1]) : undefined;
}
