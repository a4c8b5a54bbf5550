// Scenario tests as the registry tells of them: what can be run, tests that were asked for, runs that were kept.

export type Verdict = "pass" | "fail" | "skipped" | "error";
export type State = "waiting" | "running" | "done" | "refused" | "failed" | "stopped";
export type Numeric = number | "inf" | "-inf" | null;

export interface Varying {
  readonly name: string;
  readonly default: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly step: number | null;
  readonly unit: string;
  readonly choices: readonly number[];
}

export interface Scenario {
  readonly scenario: string;
  readonly title: string;
  readonly question: string;
  readonly clause: string;
  readonly under_test: readonly string[];
  readonly parameters: readonly Varying[];
}

export interface Catalogue {
  readonly scenarios: readonly Scenario[];
  readonly devices: readonly string[];
}

export interface Wanted {
  readonly scenario: string;
  readonly set: Readonly<Record<string, string>>;
  readonly design: string;
  readonly count?: number | null;
  readonly seed?: number | null;
  readonly repeats: number;
  readonly device: string;
  readonly build: string;
  readonly is_paced?: boolean;
}

export interface Test {
  readonly test_id: number;
  readonly asked: string;
  readonly asked_by: string;
  readonly wanted: Wanted;
  readonly state: State;
  readonly began: string | null;
  readonly ended: string | null;
  readonly detail: string;
  readonly run_id: number | null;
  readonly cases: number | null;
  readonly done: number | null;
}

export interface Requirement {
  readonly title: string;
  readonly metric: string;
  readonly unit: string;
  readonly clause: string;
  readonly outcomes: Readonly<Partial<Record<Verdict, number>>>;
  readonly value: Numeric;
  readonly limit: Numeric;
  readonly margin: Numeric;
  readonly case: number;
}

export interface Run {
  readonly run_id: number;
  readonly scenario: string;
  readonly title: string;
  readonly mode: string;
  readonly under_test: string;
  readonly build: string;
  readonly evidence: string;
  readonly began: string;
  readonly kept_by: string;
  readonly verdict: Verdict;
  readonly cases: number;
  readonly outcomes: Readonly<Partial<Record<Verdict, number>>>;
  readonly requirements: readonly Requirement[];
  readonly hashes: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

export interface Judged {
  readonly verdict: Verdict;
  readonly value: Numeric;
  readonly limit: Numeric;
  readonly margin: Numeric;
  readonly at_s: Numeric;
  readonly reason?: string;
}

export interface Case {
  readonly run: number;
  readonly verdict: Verdict;
  readonly parameters: Readonly<Record<string, Numeric>>;
  readonly requirements: readonly Judged[];
}

export interface Document {
  readonly requirements: readonly { readonly title: string; readonly unit: string }[];
  readonly each: readonly Case[];
}

const SEVERITY: readonly Verdict[] = ["pass", "skipped", "fail", "error"];

/** The case that decides a run's verdict: of what came out worst the first requirement's. */
export function worstCase({ requirements }: Pick<Run, "requirements">): number | undefined {
  const severity = ({ outcomes }: Requirement) => Math.max(...SEVERITY.map((verdict, rank) => (outcomes[verdict] ? rank : -1)));
  return [...requirements].sort((one, other) => severity(other) - severity(one))[0]?.case;
}

export const isOver = (test: Test) => test.state !== "waiting" && test.state !== "running";

/** A number of a document; undefined where there is none. */
export function numeric(value: Numeric): number | undefined {
  if (value === null) return undefined;
  return typeof value === "number" ? value : value === "inf" ? Infinity : -Infinity;
}
