// The form of a new test as the registry takes it, and the test's values as the form shows them.

import type { Scenario, Varying, Wanted } from "./api";

export const SAMPLED: readonly string[] = ["latin", "random", "importance"];
export const PACED = "real";
export const PACES = ["fast", PACED] as const;
export const DESIGNS: readonly string[] = ["default", "grid", ...SAMPLED];

/** What is left empty keeps the scenario's own value, and is left out. */
export function wantedOf(form: FormData, scenario: Scenario): Wanted {
  const text = (name: string) => ((form.get(name) as string | null) ?? "").trim();
  const given = scenario.parameters.flatMap(({ name }): [string, string][] => (text(`set.${name}`) ? [[name, text(`set.${name}`)]] : []));
  const design = text("design");
  const sampled = SAMPLED.includes(design) ? { ...whole("count", text("count")), ...whole("seed", text("seed")) } : {};
  return {
    scenario: scenario.scenario,
    set: Object.fromEntries(given),
    design,
    ...sampled,
    repeats: Number(text("repeats") || "1"),
    device: text("device"),
    build: text("build"),
    is_paced: text("pace") === PACED,
  };
}

function whole(name: string, text: string): Record<string, number> {
  return text ? { [name]: Number(text) } : {};
}

/** The values that a parameter may take: "5 … 60, by 5", "1, 2, 3", or nothing. */
export function rangeOf(one: Varying): string {
  if (one.choices.length) return one.choices.join(", ");
  if (one.low === null || one.high === null) return "";
  return `${one.low} … ${one.high}${one.step === null ? "" : `, Δ ${one.step}`}`;
}
