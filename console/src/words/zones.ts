// Times as a site's clocks show them, wherever the reader is: bookings and permits are by the site's day.

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const ROUNDS = 2; // the second has the offset right where the first guess lay beyond a change of the clocks

/** How far the zone's clocks are ahead of UTC at an instant, ms. */
function aheadMs(zone: string, at: number): number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const shown = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second);
  return Math.round((shown - at) / MINUTE_MS) * MINUTE_MS;
}

/** "28/11/2026, 15:00 GMT+8": an instant by the zone's clocks, with how far they are ahead. */
export function dateIn(zone: string, locale: string, text: string): string {
  const shown = { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "shortOffset" } as const;
  return new Intl.DateTimeFormat(locale, shown).format(new Date(text));
}

/** "GMT+8": how far a zone's clocks are ahead now. */
export function offsetNow(zone: string, locale: string): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts();
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

/** An instant, in ms, as a `datetime-local` field has it, by the zone's clocks. */
export function clockIn(zone: string, at: number): string {
  return new Date(at + aheadMs(zone, at)).toISOString().slice(0, "2026-11-28T15:00:00".length);
}

/** What a `datetime-local` field says, read by the zone's clocks, as the API takes it: of an hour that they show twice the first. */
export function instantIn(zone: string, text: string): string | undefined {
  const fields = Date.parse(`${text}Z`);
  if (Number.isNaN(fields)) return undefined;
  let at = fields - Math.max(aheadMs(zone, fields - DAY_MS), aheadMs(zone, fields + DAY_MS));
  for (let round = 0; round < ROUNDS && at + aheadMs(zone, at) !== fields; round += 1) at = fields - aheadMs(zone, at);
  return new Date(at).toISOString();
}
