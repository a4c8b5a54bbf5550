import { expect, it } from "vitest";

import { actionOf, NEXT } from "./cases";
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

it("an action is told in a line, without what it leaves open", () => {
  expect(actionOf({ do: "road_event", code: 101, text: "", units: [], place: null })).toBe("road_event · code 101");
  expect(actionOf({ do: "command", selection: { devices: ["a", "b"], site: null }, command: "ping", parameters: {} })).toBe("command · selection devices a, b · command ping");
  expect(NEXT.closed).toEqual([]);
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
