// Forecasts as they are stored: of each segment the newest, by how far ahead.

export interface ForecastRow {
  readonly time_us: number;
  readonly place: string;
  readonly ahead_s: number;
  readonly speed_mps: number;
  /** 10 % and 90 %; null where the method has none. */
  readonly low_mps: number | null;
  readonly high_mps: number | null;
  readonly method: string;
}

/** The newest forecast of each place, nearest first. */
export function newestOf(rows: readonly ForecastRow[]): Map<string, ForecastRow[]> {
  const newest = new Map<string, number>();
  for (const { place, time_us } of rows) newest.set(place, Math.max(newest.get(place) ?? 0, time_us));
  const found = new Map<string, ForecastRow[]>();
  for (const row of rows) if (row.time_us === newest.get(row.place)) found.set(row.place, [...(found.get(row.place) ?? []), row]);
  for (const mine of found.values()) mine.sort((one, two) => one.ahead_s - two.ahead_s);
  return found;
}
