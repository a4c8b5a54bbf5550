// What sensors measured, by sensor, quantity and channel, in the units in which people read it.

import { usualOf } from "./usual";

export interface Observation {
  readonly time_us: number;
  readonly device_id: string;
  readonly quantity: string;
  readonly value: number | null;
  readonly unit: string | null;
  readonly quality: string | number | null;
  readonly channel: number | null;
}

export interface Course {
  readonly key: string;
  readonly device: string;
  readonly quantity: string;
  readonly unit: string;
  readonly quality: string;
  readonly atUs: number;
  readonly newest: number | undefined;
  readonly least: number | undefined;
  readonly most: number | undefined;
  readonly points: readonly (readonly [number, number | null])[];
}

export function coursesOf(rows: readonly Observation[]): Course[] {
  const found = new Map<string, Observation[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.quantity, row.device_id, row.channel]);
    const mine = found.get(key);
    if (mine) mine.push(row);
    else found.set(key, [row]);
  }
  return [...found].map(([key, mine]) => courseOf(key, mine)).sort((one, two) => one.key.localeCompare(two.key));
}

function courseOf(key: string, unordered: readonly Observation[]): Course {
  const rows = [...unordered].sort((one, two) => one.time_us - two.time_us);
  const { unit, of, ...about } = aboutOf(rows.at(-1));
  const points = rows.map((row): [number, number | null] => [row.time_us, row.value === null ? null : of(row.value)]);
  const values = points.flatMap(([, value]) => (value === null ? [] : [value]));
  return {
    key,
    ...about,
    unit,
    newest: values.at(-1),
    least: values.length ? values.reduce((one, two) => Math.min(one, two)) : undefined,
    most: values.length ? values.reduce((one, two) => Math.max(one, two)) : undefined,
    points,
  };
}

function aboutOf(last: Observation | undefined) {
  const quantity = last?.quantity ?? "";
  return { device: last?.device_id ?? "", quantity, quality: String(last?.quality ?? ""), atUs: last?.time_us ?? 0, ...usualOf(quantity, last?.unit ?? "") };
}
