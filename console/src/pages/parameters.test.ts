import { describe, expect, it } from "vitest";

import { applicationsOf, type Parameter, readValue } from "./parameters";

const SPEED = { lowest: 0.5, highest: 12, unit: "m/s" };
const ONE: Parameter = { ...SPEED, application: "fcw", parameter: "least_speed_mps", default: 3, source: "", own: null, value: 3, in_force: null };

describe("a parameter's value as it is typed", () => {
  it("is a number within its bounds, the bounds too", () => {
    expect(["0.5", " 12 ", "4.2"].map((text) => readValue(text, SPEED))).toEqual([0.5, 12, 4.2]);
    expect(readValue("-3", { ...SPEED, lowest: -5 })).toBe(-3);
  });

  it("is the default again where nothing is typed", () => {
    expect(readValue("  ", SPEED)).toBeNull();
  });

  it("is nothing that may be where it is outside, or no number", () => {
    const wrong = ["0.4", "12.01", "fast", "1 2", "NaN", "1,000", "0x4", "1e1"];
    expect(wrong.filter((text) => readValue(text, SPEED) !== undefined)).toEqual([]);
  });

  it("of a switch is on or off and nothing between", () => {
    expect(["0", "1", "0.5", ""].map((text) => readValue(text, { lowest: 0, highest: 1, unit: "0 or 1" }))).toEqual([0, 1, undefined, null]);
  });
});

it("applications come in their order, with how many parameters are the site's own", () => {
  const listed = [ONE, { ...ONE, parameter: "warn_mps2", own: 4 }, { ...ONE, application: "life" }];
  expect([...applicationsOf(listed)]).toEqual([
    ["fcw", 1],
    ["life", 0],
  ]);
});
