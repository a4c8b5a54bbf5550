// The instant in the address: as people read it, in UTC, to the millisecond.

import { writeRoute } from "../layout/route";

/** An instant of an address in µs; undefined where it says none that can be. */
export function readInstant(text: string | undefined): number | undefined {
  if (!text || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms * 1000;
}

export function writeInstant(us: number): string {
  return new Date(us / 1000).toISOString();
}

export function addressOf(siteId: string, us: number): string {
  return writeRoute("time", "", { site: siteId, at: writeInstant(us) });
}
