// A site's stored warnings, as the API gives them, and the next and the last one from an instant.

import type { Api } from "../api/client";

export interface Party {
  readonly vehicle_id: string | null;
  readonly participant_id: number | null;
  readonly device_id: string | null;
  readonly speed_mps: number | null;
}

export interface StoredWarning {
  readonly warning_id: string;
  readonly application: string;
  readonly level: number;
  readonly raised_us: number;
  readonly decided_us: number;
  readonly published_us: number | null;
  readonly ended_us: number | null;
  readonly host: Party;
  readonly other: Party | null;
  readonly subject_kind: string | null;
  readonly subject_id: string | null;
  readonly lead_s: number | null;
  readonly distance_m: number | null;
  readonly required_deceleration_mps2: number | null;
}

export interface WarningPage {
  readonly warnings: readonly StoredWarning[];
  readonly next: number | null;
}

export const MOST_MARKS = 1000;

export function warningsIn(api: Api, siteId: string, fromUs: number, toUs: number, signal: AbortSignal): Promise<WarningPage> {
  return api.get(pathOf(siteId), { from_us: Math.max(Math.round(fromUs), 0), to_us: Math.round(toUs), limit: MOST_MARKS }, signal);
}

/** The first warning that was raised after an instant, or the last before it; undefined when there is none. */
export async function warningFrom(api: Api, siteId: string, us: number, isLater: boolean): Promise<StoredWarning | undefined> {
  const page = await api.get<WarningPage>(
    pathOf(siteId),
    isLater ? { from_us: us + 1, order: "oldest", limit: 1 } : { to_us: us, order: "newest", limit: 1 },
  );
  return page.warnings[0];
}

/** What a road user is called: the own id without leading zeros, or the unit and the number that it has there. */
export function partyName(party: Party): string {
  if (party.participant_id !== null) return `${party.device_id ?? ""} #${party.participant_id}`;
  return party.vehicle_id?.replace(/^0+(?=.{4})/, "") ?? party.device_id ?? "–";
}

export function aboutName(warning: StoredWarning): string {
  return warning.other ? partyName(warning.other) : `${warning.subject_kind ?? ""} ${warning.subject_id ?? ""}`.trim();
}

function pathOf(siteId: string): string {
  return `/api/sites/${encodeURIComponent(siteId)}/warnings`;
}
