// What a later run made better or worse: case by case and requirement by requirement, as `chelu scenario runs compare` has it.

import { type Case, type Document, numeric, type Verdict } from "./api";

export type Change = "worse" | "better" | "new" | "gone" | "same";
const ORDER: readonly Change[] = ["worse", "better", "new", "gone", "same"];
const RANK: readonly Verdict[] = ["pass", "skipped", "fail", "error"];
const SEED = "seed"; // tells repeats of a case apart, and no case from another

export interface Difference {
  readonly key: string;
  readonly case: string;
  readonly parameters: Case["parameters"];
  readonly requirement: string;
  readonly change: Change;
  readonly before: Verdict | undefined;
  readonly now: Verdict | undefined;
  readonly marginBefore: number | undefined;
  readonly marginNow: number | undefined;
}

export interface Comparison {
  readonly counts: Readonly<Record<Change, number>>;
  /** Everything that is not the same, the worst first. */
  readonly differences: readonly Difference[];
}

type Valued = Pick<Case, "parameters">;

/** A case by its values; of those that are named, where only these tell cases apart. */
export function caseName(one: Valued, named?: ReadonlySet<string>): string {
  const values = Object.entries(one.parameters).filter(([name]) => name !== SEED && (!named || named.has(name)));
  return values.sort(([one], [two]) => one.localeCompare(two)).map(([name, value]) => `${name} ${value ?? "–"}`).join(", ");
}

/** Which values are not the same in all cases; all where there is but one. */
export function varying(cases: readonly Valued[]): ReadonlySet<string> {
  const values = new Map<string, Set<unknown>>();
  for (const { parameters } of cases) for (const [name, value] of Object.entries(parameters)) values.set(name, (values.get(name) ?? new Set()).add(value));
  const found = [...values].filter(([, each]) => each.size > 1 || cases.length === 1).map(([name]) => name);
  return new Set(found);
}

/** The values that are the same in all cases. */
export function constant(cases: readonly Valued[]): string {
  const named = varying(cases);
  const same = Object.fromEntries(Object.entries(cases[0]?.parameters ?? {}).filter(([name]) => !named.has(name)));
  return caseName({ parameters: same });
}

export function compared(before: Document, now: Document): Comparison {
  const [old, later] = [rowsOf(before), rowsOf(now)];
  const found = [...new Set([...old.keys(), ...later.keys()])].map((key) => difference(key, old.get(key), later.get(key)));
  const counts = Object.fromEntries(ORDER.map((change) => [change, found.filter((one) => one.change === change).length])) as Record<Change, number>;
  const differences = found.filter((one) => one.change !== "same").sort((one, two) => ORDER.indexOf(one.change) - ORDER.indexOf(two.change));
  return { counts, differences };
}

interface Row {
  readonly case: string;
  readonly parameters: Case["parameters"];
  readonly requirement: string;
  readonly verdict: Verdict;
  readonly margin: number | undefined;
}

/** Repeated cases are told apart by their order. */
function rowsOf(document: Document): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const one of document.each) {
    const name = caseName(one);
    one.requirements.forEach((judged, at) => {
      const requirement = document.requirements[at]?.title ?? "";
      let again = 0;
      while (rows.has(JSON.stringify([name, requirement, again]))) again += 1;
      rows.set(JSON.stringify([name, requirement, again]), { case: name, parameters: one.parameters, requirement, verdict: judged.verdict, margin: numeric(judged.margin) });
    });
  }
  return rows;
}

function difference(key: string, before: Row | undefined, now: Row | undefined): Difference {
  const about = now ?? before;
  return {
    key,
    case: about?.case ?? "",
    parameters: about?.parameters ?? {},
    requirement: about?.requirement ?? "",
    change: changeOf(before?.verdict, now?.verdict),
    before: before?.verdict,
    now: now?.verdict,
    marginBefore: before?.margin,
    marginNow: now?.margin,
  };
}

function changeOf(before: Verdict | undefined, now: Verdict | undefined): Change {
  if (!before) return "new";
  if (!now) return "gone";
  const step = RANK.indexOf(now) - RANK.indexOf(before);
  return step > 0 ? "worse" : step < 0 ? "better" : "same";
}
