import { describe, expect, it } from "vitest";

import type { Api } from "../api/client";
import { packed } from "../live/packed.test-help";
import { type Run, worstCase } from "./api";
import { followed, played } from "./clock";
import { cornersOf, focusOf, frameOf, HEIGHT, matrixOf, pointOf, spanOf, WIDTH } from "./framing";
import { GoingRun } from "./going";
import { Motion } from "./motion";
import { type Actors, caseOf, type Events, readRun, type Required } from "./run";
import { cameBy, markedBy, shownBy, standingBy, standingSoFar } from "./so-far";

type Row = readonly [atS: number, actor: number, x: number, y: number, heading: number];

const ACTORS: Actors = { name: ["other", "ego"], kind: ["car", "car"], length_m: [4, 4], width_m: [2, 2], is_under_test: [false, true], is_traffic: [false, false] };

function table(rows: readonly Row[], header: unknown = {}): ArrayBuffer {
  const floats = (values: readonly number[]) => new Float32Array(values);
  return packed(
    rows.length,
    [
      ["at_s", "<f4", floats(rows.map(([at]) => at))],
      ["actor", "<u2", new Uint16Array(rows.map(([, actor]) => actor))],
      ["x_m", "<f4", floats(rows.map(([, , x]) => x))],
      ["y_m", "<f4", floats(rows.map(([, , , y]) => y))],
      ["elevation_m", "<f4", floats(rows.map(() => 0))],
      ["heading_deg", "<f4", floats(rows.map(([, , , , heading]) => heading))],
      ["speed_mps", "<f4", floats(rows.map(() => 10))],
    ],
    header,
  );
}

function moved(...rows: readonly Row[]): Motion {
  const motion = new Motion();
  motion.add(readRun(table(rows)).table);
  return motion;
}

describe("motion", () => {
  it("is even between two instants, and a heading turns the shorter way", () => {
    const motion = moved([0, 0, 0, 0, 350], [0, 1, 5, 5, 0], [1, 0, 10, 20, 10], [1, 1, 5, 6, 0]);
    const [one, other] = motion.at(0.5);
    expect(one).toMatchObject({ actor: 0, x: 5, y: 10, heading: 0 });
    expect(other).toMatchObject({ actor: 1, y: 5.5 });
    expect([motion.at(-1)[0]?.x, motion.at(9)[0]?.x, motion.endS, motion.instants]).toEqual([0, 10, 1, 2]);
  });

  it("has nobody where nothing has come, and keeps who is there at one instant alone", () => {
    expect(new Motion().at(1)).toEqual([]);
    expect(moved([0, 0, 0, 0, 0], [0, 1, 3, 0, 0], [1, 0, 2, 0, 0]).at(0.5).map(({ x }) => x)).toEqual([1, 3]);
  });
});

describe("the clock", () => {
  it("follows what goes on, never past the newest instant and never long behind it", () => {
    expect(followed(1, 1.5, 0.1)).toBeCloseTo(1.1);
    expect(followed(1.45, 1.5, 0.1)).toBe(1.5);
    expect(followed(1, 8, 0.1)).toBeCloseTo(7.8); // a page that slept: what was missed is not made up for
  });

  it("plays what is over at the speed that is asked for, up to its end", () => {
    expect(played(1, 5, 0.1, 2)).toBeCloseTo(1.2);
    expect(played(4.9, 5, 1, 1)).toBe(5);
  });
});

describe("the frame", () => {
  const motion = moved([0, 0, 0, 40, 0], [0, 1, 0, 0, 0], [1, 0, 0, 60, 0], [1, 1, 0, 20, 0]);

  it("shows the focus setting out to the right, with everybody else, on one scale for the whole run", () => {
    const spanM = spanOf(motion, ACTORS, 0);
    expect([focusOf(ACTORS), spanM]).toEqual([1, (24 * WIDTH) / HEIGHT]);
    const frame = frameOf(motion.at(1), ACTORS, 1, 0, spanM);
    expect(pointOf(frame, 0, 40)).toEqual([WIDTH / 2, HEIGHT / 2]); // halfway between the two
    expect(pointOf(frame, 0, 60)[0]).toBeGreaterThan(pointOf(frame, 0, 20)[0]);
    expect(pointOf(frame, 3, 40)[1]).toBeGreaterThan(HEIGHT / 2); // east is right of north, and below in the drawing
  });

  it("draws what is in metres where its points are", () => {
    const frame = frameOf(motion.at(0), ACTORS, 1, 30, 100);
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = matrixOf(frame).slice(7, -1).split(" ").map(Number);
    const [x, y] = pointOf(frame, 12, -7);
    expect([a * 12 - c * 7 + e, b * 12 - d * 7 + f]).toEqual([expect.closeTo(x, 2), expect.closeTo(y, 2)]);
  });

  it("keeps the focus when somebody drives off", () => {
    const far = moved([0, 0, 0, 900, 0], [0, 1, 0, 0, 0]);
    const frame = frameOf(far.at(0), ACTORS, 1, 0, spanOf(far, ACTORS, 0));
    const [x] = pointOf(frame, 0, 0);
    expect(x).toBeGreaterThan(0);
    expect(x).toBeLessThan(WIDTH / 4);
  });

  it("turns a footprint as its actor is turned", () => {
    const corners = cornersOf({ x: 10, y: 0, heading: 90 }, 4, 2); // heads east: its left is north
    expect(corners.map((corner) => corner.map((one) => Math.round(one) + 0))).toEqual([[12, 1], [12, -1], [8, -1], [8, 1]]);
  });
});

describe("what has come", () => {
  const events: Events = {
    time_s: [1, 2, 3, 4],
    kind: ["manoeuvre", "warning", "warning", "contact"],
    what: ["cut_in", "fcw", "fcw", ""],
    who: ["", "ego", "ego", "ego"],
    about: ["", "other", "other", "other"],
    state: ["", "raised", "cleared", ""],
  };
  const required: Required = { title: ["a", "b", "c"], unit: ["m", "s", ""], verdict: ["fail", "pass", "skipped"], value: [1, 2, null], limit: [2, 1, 0], at_s: [3, 1, null] };

  it("is what lies before the moment, with who is warned and who has touched", () => {
    expect(cameBy(events, 2.5).map((one) => one.what)).toEqual(["cut_in", "fcw"]);
    expect([...markedBy(cameBy(events, 2.5)).warned]).toEqual(["ego"]);
    expect(markedBy(cameBy(events, 3.5)).warned.size).toBe(0);
    expect([...markedBy(cameBy(events, 4)).touched]).toEqual(["ego", "other"]);
  });

  it("leaves open what the moment cannot know: what was not met is known when it is broken, what held at the end", () => {
    const states = (timeS: number) => standingBy(required, timeS, 5).map((one) => one.state);
    expect([states(2), states(3), states(5)]).toEqual([["open", "open", "open"], ["fail", "open", "open"], ["fail", "pass", "skipped"]]);
    expect(standingBy(required, 2, 5).map((one) => one.value)).toEqual([null, null, null]);
    expect(standingSoFar(required).map((one) => one.state)).toEqual(["fail", "holds", "open"]);
  });

  it("has each signal as its newest change by then left it", () => {
    const lights = { signal: ["north", "north", "east"], time_s: [0, 4, 0], light: [3, 5, 5] };
    expect([...shownBy(lights, 3)]).toEqual([["north", 3], ["east", 5]]);
    expect(shownBy(lights, 4).get("north")).toBe(5);
  });
});

describe("a paced test", () => {
  const scene = { actors: ACTORS, ways: [], stop_lines: [], end_s: 15, so_far: {} };
  const run = () => new GoingRun(undefined as unknown as Api, "/api/…/motion");

  it("is connecting until it moves, then what comes is added to what is there", () => {
    const going = run();
    going.take(table([], { actors: {}, ways: [], stop_lines: [], so_far: {}, first: 0, next: 0 }));
    expect([going.followed.state, going.followed.scene]).toEqual(["connecting", undefined]);
    going.take(table([[0, 1, 0, 0, 0]], { ...scene, first: 0, next: 1 }));
    going.take(table([[0.2, 1, 0, 2, 0]], { ...scene, first: 1, next: 6 })); // the instants between were left out
    expect(going.followed.state).toBe("live");
    expect(going.followed.motion.at(0.1)[0]?.y).toBeCloseTo(1);
  });

  it("that is over, though nobody has said so yet, stays as far as it came", () => {
    const going = run();
    going.take(table([[0, 1, 0, 0, 0], [1, 1, 0, 10, 0]], { ...scene, first: 0, next: 2 }));
    going.take(table([], { actors: {}, ways: [], stop_lines: [], so_far: {}, first: 0, next: 0 }));
    expect([going.followed.motion.endS, going.followed.scene?.end_s]).toEqual([1, 15]);
  });

  it("that has begun again is another one", () => {
    const going = run();
    going.take(table([[0, 1, 0, 0, 0], [1, 1, 0, 10, 0]], { ...scene, first: 0, next: 2 }));
    going.take(table([[0, 1, 0, 0, 0]], { ...scene, first: 0, next: 1 }));
    expect([going.followed.motion.instants, going.followed.motion.endS]).toEqual([1, 0]);
  });
});

it("files that can be played are known by their names, and the case that decides is seen first", () => {
  expect(["run-12.columns", "run-1.mcap", "report.html"].map(caseOf)).toEqual([12, undefined, undefined]);
  const requirement = (outcomes: object, found: number) => ({ outcomes, case: found });
  expect(worstCase({ requirements: [requirement({ pass: 3 }, 1), requirement({ pass: 2, fail: 1 }, 2)] } as unknown as Run)).toBe(2);
});
