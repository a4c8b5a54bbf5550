// The event board as the registry tells of it.

export type CaseState = "open" | "acting" | "resolved" | "closed" | "dismissed";
export type Severity = "critical" | "major" | "warning" | "info";

export interface Case {
  readonly case_id: number;
  readonly kind: string;
  readonly title: string;
  readonly latitude_deg: number | null;
  readonly longitude_deg: number | null;
  readonly spot: string;
  readonly severity: Severity;
  readonly state: CaseState;
  readonly duty: string | null;
  readonly opened: string;
  readonly signs: number;
  readonly going_on: number;
  readonly proposals: number;
}

export type ProposalState = "proposed" | "done" | "failed" | "rejected" | "expired" | "withdrawn";

export interface Proposal {
  readonly proposal_id: number;
  readonly case_id: number;
  readonly rule_id: string;
  readonly action: Readonly<Record<string, unknown>> & { readonly do: string };
  readonly state: ProposalState;
  readonly made: string;
  readonly expires: string;
  readonly held: string;
  readonly settled: string | null;
  readonly settled_by: string | null;
  readonly comment: string;
  readonly answer: string;
}

export interface Whole extends Case {
  readonly made_of: readonly { readonly sign_id: number; readonly source: string; readonly kind: string; readonly at: string; readonly ended: string | null; readonly text: string; readonly spot: string }[];
  readonly proposed: readonly Proposal[];
  readonly history: readonly { readonly event_id: number; readonly at: string; readonly actor: string; readonly event: string; readonly detail: Readonly<Record<string, unknown>>; readonly comment: string }[];
}

/** What may follow a state, as people decide it. */
export const NEXT: Readonly<Record<CaseState, readonly CaseState[]>> = {
  open: ["acting", "resolved", "dismissed"],
  acting: ["resolved", "dismissed"],
  resolved: ["closed"],
  closed: [],
  dismissed: [],
};

export const severityMark = (severity: Severity) => (severity === "critical" || severity === "major" ? "offline" : "impaired");
