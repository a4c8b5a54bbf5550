// What sensors measured, by sensor, quantity and channel.

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
    found.set(key, [...(found.get(key) ?? []), row]);
  }
  return [...found].map(([key, mine]) => courseOf(key, mine)).sort((one, two) => one.key.localeCompare(two.key));
}

function courseOf(key: string, unordered: readonly Observation[]): Course {
  const rows = [...unordered].sort((one, two) => one.time_us - two.time_us);
  const values = rows.flatMap(({ value }) => (value === null ? [] : [value]));
  return {
    key,
    ...aboutOf(rows.at(-1)),
    newest: values.at(-1),
    least: values.length ? Math.min(...values) : undefined,
    most: values.length ? Math.max(...values) : undefined,
    points: rows.map((row) => [row.time_us, row.value]),
  };
}

function aboutOf(last: Observation | undefined): Pick<Course, "device" | "quantity" | "unit" | "quality" | "atUs"> {
  const unit = last?.unit ?? "";
  return { device: last?.device_id ?? "", quantity: last?.quantity ?? "", unit: unit === "1" ? "" : unit, quality: String(last?.quality ?? ""), atUs: last?.time_us ?? 0 };
}
