// What has come by a moment of a run: events, what signals show, who is warned and who has touched, what became of requirements.

import { type Numeric, numeric, type Verdict } from "./api";
import type { Events, Lights, Required, Told } from "./run";

export interface Came {
  readonly timeS: number;
  readonly kind: Events["kind"][number];
  readonly what: string;
  readonly who: string;
  readonly about: string;
  readonly state: string;
}

export interface Standing {
  readonly title: string;
  readonly unit: string;
  /** open: what decides it has not come; holds: so far. */
  readonly state: Verdict | "open" | "holds";
  readonly value: Numeric;
  readonly limit: Numeric;
  readonly atS: number | undefined;
}

export const CLEARED = "cleared";

export function cameBy({ time_s, kind, what, who, about, state }: Events, timeS: number): readonly Came[] {
  return time_s.flatMap((at, row) =>
    at > timeS ? [] : [{ timeS: at, kind: kind[row] ?? "manoeuvre", what: what[row] ?? "", who: who[row] ?? "", about: about[row] ?? "", state: state[row] ?? "" }],
  );
}

/** Who is warned at the moment, and who has touched another. */
export function markedBy(came: readonly Came[]): { readonly warned: ReadonlySet<string>; readonly touched: ReadonlySet<string> } {
  const warnings = new Map<string, Came>();
  for (const one of came) if (one.kind === "warning") warnings.set(JSON.stringify([one.what, one.who, one.about]), one);
  const warned = [...warnings.values()].filter((one) => one.state !== CLEARED).map((one) => one.who);
  return { warned: new Set(warned), touched: new Set(came.flatMap((one) => (one.kind === "contact" ? [one.who, one.about] : []))) };
}

/** What each signal shows: the newest of its changes by then. */
export function shownBy({ signal, time_s, light }: Lights, timeS: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  signal.forEach((name, row) => {
    if ((time_s[row] ?? 0) <= timeS) found.set(name, light[row] ?? 0);
  });
  return found;
}

/** Of a run that is kept: what was not met is so from the instant that decides it on; that it was met is known at the end. */
export function standingBy({ title, unit, verdict, value, limit, at_s }: Required, timeS: number, endS: number): readonly Standing[] {
  return title.map((name, row) => {
    const atS = numeric(at_s[row] ?? null);
    const isOpen = timeS < (verdict[row] === "fail" ? Math.min(atS ?? endS, endS) : endS);
    return { title: name, unit: unit[row] ?? "", state: isOpen ? "open" : (verdict[row] ?? "error"), value: isOpen ? null : (value[row] ?? null), limit: limit[row] ?? null, atS };
  });
}

/** Of a run that goes on: as it was judged up to its newest instants; what cannot be said yet is open. */
export function standingSoFar({ title, unit, verdict, value, limit, at_s }: Required): readonly Standing[] {
  return title.map((name, row) => {
    const found = verdict[row];
    const state = found === "pass" ? "holds" : found === "fail" ? found : "open";
    return { title: name, unit: unit[row] ?? "", state, value: value[row] ?? null, limit: limit[row] ?? null, atS: numeric(at_s[row] ?? null) };
  });
}

export const NOTHING: Told = {
  lights: { signal: [], time_s: [], light: [] },
  events: { time_s: [], kind: [], what: [], who: [], about: [], state: [] },
  requirements: { title: [], unit: [], verdict: [], value: [], limit: [], at_s: [] },
};
