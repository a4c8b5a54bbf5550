import { expect, it } from "vitest";

import { toldIn } from "../words/told";
import { wordsOf } from "../words/words";
import { actionOf, happenedOf } from "./acts";
import { NEXT } from "./cases";
import { type ForecastRow, newestOf } from "./forecast";
import { coursesOf, type Observation } from "./observed";
import { labelsOf } from "./signals";
import { usualOf } from "./usual";
import { doubtsOf, shareOf, slowestFirst, type StateRow } from "./state";

const row = (place: string, time_us: number, mean: number | null, free: number | null = 10) => ({ place, time_us, mean_speed_mps: mean, free_speed_mps: free }) as StateRow;

it("segments come with their newest row, the slowest of their own free speed first", () => {
  const found = slowestFirst([row("a", 1, 1), row("a", 2, 9), row("b", 2, 3), row("c", 2, null), row("d", 2, 5, 0)]);
  expect(found.map((one) => [one.place, one.time_us])).toEqual([["b", 2], ["a", 2], ["c", 2], ["d", 2]]);
  expect([shareOf(row("a", 1, 4)), shareOf(row("a", 1, 4, null))]).toEqual([0.4, undefined]);
});

it("of forecasts the newest of each segment counts, the nearest first", () => {
  const one = (place: string, time_us: number, ahead_s: number) => ({ place, time_us, ahead_s }) as ForecastRow;
  const found = newestOf([one("a", 1, 300), one("a", 2, 600), one("a", 2, 300), one("b", 1, 300)]);
  expect([...found].map(([place, rows]) => [place, rows.map((row) => [row.time_us, row.ahead_s])])).toEqual([["a", [[2, 300], [2, 600]]], ["b", [[1, 300]]]]);
});

it("what is doubtful about a row is said bit by bit", () => {
  expect([doubtsOf(0), doubtsOf(3), doubtsOf(24)]).toEqual([[], ["scaled", "few"], ["counter", "flawed"]]);
});

it("an action is told in a line, in the reader's words, without what it leaves open", () => {
  const [en, zh] = [wordsOf("en"), wordsOf("zh")];
  const event = { do: "road_event", code: 101, text: "", units: ["rsu-1"], place: null, lasting_s: 3600 };
  expect(actionOf(event, en, (text) => toldIn("en", text))).toBe("Let units tell of road event 101 · for 60 min · rsu-1");
  expect(actionOf(event, zh, (text) => toldIn("zh", text))).toBe("由路侧单元发布道路事件 101 · 持续 60 分钟 · rsu-1");
  const command = { do: "command", selection: { devices: ["a", "b"], site: null }, command: "ping", parameters: {} };
  expect(actionOf(command, en, (text) => toldIn("en", text))).toBe("Command “ping” · devices a, b");
  expect(actionOf({ do: "dance", steps: 3 }, en, (text) => toldIn("en", text))).toBe("dance · steps 3");
  expect(NEXT.closed).toEqual([]);
});

it("a case's history is told in words, and nothing of it is left out", () => {
  const en = (event: string, detail: Record<string, unknown>, comment = "") => happenedOf({ event, detail, comment }, wordsOf("en"), (text) => toldIn("en", text));
  expect(en("state", { from: "open", to: "acting" }, "at once")).toEqual(["State", "open → somebody acts · at once"]);
  expect(en("duty", { from: null, to: "wang" })).toEqual(["Who acts", "– → wang"]);
  expect(en("joined", { sign: "stopped_vehicle", source: "finding", text: "", severity: "major" })).toEqual(["a sign joined", "stopped vehicle · major · finding"]);
  expect(en("failed", { proposal_id: 4, rule: "r", do: "signal_plan", answer: "no such signal" })).toEqual(["failed", "Proposal 4 · r · signal plan · no such signal"]);
  expect(en("else", { more: [1, 2] })).toEqual(["else", "more 1, 2"]);
});

it("what inference finds is told in the reader's language, with its names and figures", () => {
  expect(toldIn("zh", "a vehicle stands on E5_0, 40 m along")).toBe("E5_0 上距起点 40 米处有车辆停驶");
  expect(toldIn("zh", "gauge-1: air_temperature above 313 K")).toBe("gauge-1：气温 高于 313 K");
  expect(toldIn("zh", "rate-low: rsu-1 spat")).not.toContain("rate-low:");
});

it("what sensors measured is told by sensor, quantity and channel, in time", () => {
  const one = (time_us: number, value: number | null, channel: number | null = null) => ({ time_us, value, channel, device_id: "s", quantity: "air_temperature", unit: "K", quality: "good" }) as Observation;
  const found = coursesOf([one(2, 278.15), one(1, 276.15), one(3, null), one(1, 282.15, 1)]);
  expect(found.map((course) => [course.newest, course.least, course.most, course.points.length, course.unit])).toEqual([[9, 9, 9, 1, "°C"], [5, 3, 5, 3, "°C"]]);
  expect(usualOf("pm2_5", "kg/m^3").of(35e-9)).toBe(35);
  expect(usualOf("wind_direction", "deg")).toMatchObject({ unit: "°" });
});

it("who decides about a signal leaves its other labels, and a plan goes with manual control only", () => {
  const form = (control: string) => ({ text: (name: string) => ({ control, priority: "none", plan: "20,15" })[name] ?? "" });
  const present = { bay: "3", "signal-plan": "9,9" };
  expect(labelsOf(present, form("webster"))).toEqual({ bay: "3", "signal-control": "webster", "signal-priority": "none" });
  expect(labelsOf(present, form("manual"))).toMatchObject({ "signal-control": "manual", "signal-plan": "20,15" });
});
