import { expect, it } from "vitest";

import { wordsOf } from "../words/words";
import type { Document, Scenario, Varying, Verdict } from "./api";
import { caseName, compared, constant, varying as telling } from "./compare";
import { requiredIn } from "./required";
import { rangeOf, wantedOf } from "./wanted";

const varying = (name: string, more: Partial<Varying> = {}): Varying => ({ name, default: 1, low: null, high: null, step: null, unit: "m", choices: [], ...more });
const judged = (verdict: Verdict, margin: number | "inf" | null = 1) => ({ verdict, margin, value: 1, limit: 0, at_s: 0 });
const document = (...each: readonly (readonly [number, Verdict, Verdict])[]): Document => ({
  requirements: [{ title: "distance", unit: "m" }, { title: "braking", unit: "m/s²" }],
  each: each.map(([gap, first, second], run) => ({ run, verdict: first, parameters: { gap_m: gap, seed: run }, requirements: [judged(first), judged(second, "inf")] })),
});

it("two runs are held against each other case by case, the worst first", () => {
  const found = compared(document([10, "pass", "pass"], [20, "fail", "pass"], [30, "pass", "pass"]), document([10, "fail", "pass"], [20, "pass", "pass"], [40, "error", "pass"]));
  expect(found.counts).toEqual({ worse: 1, better: 1, new: 2, gone: 2, same: 2 });
  expect(found.differences.map((one) => one.change)).toEqual(["worse", "better", "new", "new", "gone", "gone"]);
  expect(found.differences[0]).toMatchObject({ case: "gap_m 10", requirement: "distance", before: "pass", now: "fail", marginNow: 1 });
});

it("repeats of a case are compared in their order, and a seed makes no case", () => {
  const found = compared(document([10, "pass", "pass"], [10, "fail", "pass"]), document([10, "pass", "pass"], [10, "pass", "pass"]));
  expect(found.counts).toMatchObject({ better: 1, same: 3, new: 0, gone: 0 });
  expect(caseName({ parameters: { b: 2, a: null, seed: 3 } })).toBe("a –, b 2");
});

it("a test is asked for with what was filled in, and nothing else", () => {
  const scenario = { scenario: "cut-in", parameters: [varying("gap_m"), varying("ego_kmh")] } as unknown as Scenario;
  const form = new FormData();
  for (const [name, value] of Object.entries({ "set.gap_m": " 5:60:5 ", "set.ego_kmh": "", design: "grid", count: "9", device: "none", build: "b 1" })) form.set(name, value);
  expect(wantedOf(form, scenario)).toEqual({ scenario: "cut-in", set: { gap_m: "5:60:5" }, design: "grid", repeats: 1, device: "none", build: "b 1", is_paced: false });
  form.set("pace", "real");
  expect(wantedOf(form, scenario).is_paced).toBe(true);
  form.set("design", "latin");
  expect(wantedOf(form, scenario).count).toBe(9);
});

it("a parameter says what it may be", () => {
  expect([rangeOf(varying("a")), rangeOf(varying("a", { choices: [1, 2] })), rangeOf(varying("a", { low: 5, high: 60, step: 5 }))]).toEqual(["", "1, 2", "5 … 60, Δ 5"]);
});

it("cases are called by the values in which they differ; the others are told once", () => {
  const cases = [10, 20].map((gap) => ({ parameters: { gap_m: gap, ego_kmh: 90, seed: gap } }));
  expect(cases.map((one) => caseName(one, telling(cases)))).toEqual(["gap_m 10", "gap_m 20"]);
  expect(constant(cases)).toBe("ego_kmh 90");
  expect([caseName(cases[0] ?? { parameters: {} }, telling(cases.slice(0, 1))), constant(cases.slice(0, 1))]).toEqual(["ego_kmh 90, gap_m 10", ""]);
});

it("a requirement is told in the reader's words", () => {
  const [english, chinese] = [wordsOf("en"), wordsOf("zh")];
  expect(requiredIn(english, "minimum_distance_m of ego, other > 0")).toBe("smallest distance (m) of ego and other > 0");
  expect(requiredIn(chinese, "minimum_distance_m of ego, other > 0")).toBe("ego 与 other：最小距离（m） > 0");
  expect(requiredIn(english, "icw to ego about other never")).toBe("ICW to ego about other: never");
  expect(requiredIn(chinese, "fcw to ego about other by TTC 2.5 s, not before 1 s")).toBe("就 other 向 ego 发出 FCW：不晚于 TTC 2.5 s, 不早于 1 s");
  expect(requiredIn(chinese, "svw to ego never")).toBe("向 ego 发出 SVW：不得发出");
  expect([requiredIn(english, "touches nobody"), requiredIn(chinese, "touches nobody")]).toEqual(["touches nobody", "无接触"]);
  expect(requiredIn(chinese, "of another kind")).toBe("of another kind");
});
