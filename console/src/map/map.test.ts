import { describe, expect, it } from "vitest";

import type { Column } from "../live/columns";
import { MalformedError, readTable } from "../live/columns";
import { packed } from "../live/packed.test-help";
import { waitMs } from "../live/socket";
import { countUsers, draw, fusedRows } from "./drawn";
import { Heard } from "./heard";
import { futuresOf } from "./layers";
import { nameOf } from "./names";
import { PALETTES } from "./palette";
import { type Header, Picture, type Warning } from "./picture";
import { areasOf, eventsOf, type RoadEvent } from "./marked";
import { toGeodetic, toLocal } from "./place";
import { boundsOf, decksOf, type Drawing, lanesOf } from "./roads";
import { headsOf, lightOf } from "./signals";
import { cornersOf, shapeOf } from "./users-layer";
import { walked } from "./walk";
import { aroundAreas, aroundUsers, together } from "./whole";

const HEADER: Header = {
  site: "hill",
  time_us: 1_000_000,
  since_us: null,
  gone: [],
  origin: { latitude_deg: 29.53, longitude_deg: 106.57, elevation_m: 240 },
  signals: { region: [], intersection: [], phase: [], light: [], likely_end_s: [] },
};
type Values = Readonly<Record<string, readonly number[]>>;

function table(slots: readonly number[], values: Values, header: Partial<Header> = {}) {
  const columns = new Map<string, Column>([["slot", Uint32Array.from(slots)]]);
  const usual: Values = { twin: slots.map(() => -1), kind: slots.map(() => 1), deck: slots.map(() => -1) };
  for (const [name, of] of Object.entries({ ...usual, ...values }))
    columns.set(name, name === "key" ? BigUint64Array.from(of.map(BigInt)) : Float64Array.from(of));
  return { rows: slots.length, header: { ...HEADER, ...header }, columns };
}

function pictureOf(slots: readonly number[], values: Values, header: Partial<Header> = {}): Picture {
  const picture = new Picture();
  picture.apply(table(slots, values, header));
  return picture;
}

describe("the column format", () => {
  it("is read in place, columns of text passed over", () => {
    const found = readTable(packed(3, [["a", "|u1", Uint8Array.of(1, 2, 3)], ["t", "|S5", new Uint8Array(15)], ["b", "<f4", Float32Array.of(0.5, NaN, -1)]], { x: "车" }));
    expect([...(found.columns.get("a") as Uint8Array)]).toEqual([1, 2, 3]);
    expect([...(found.columns.get("b") as Float32Array)]).toEqual([0.5, NaN, -1]);
    expect(found.header).toEqual({ x: "车" });
    expect(found.columns.has("t")).toBe(false);
  });

  it("refuses what it cannot read", () => {
    expect(() => readTable(new ArrayBuffer(8))).toThrow(MalformedError);
    expect(() => readTable(packed(1, [], {}, 2))).toThrow("version 2");
    expect(() => readTable(packed(9, [["a", "<f8", Float64Array.of(1)]], {}))).toThrow("column a is cut off");
  });
});

describe("the picture", () => {
  it("follows changes: who moved, who came, who went", () => {
    const picture = pictureOf([1, 2, 3], { east_m: [10, 20, 30] });
    picture.apply(table([2, 9], { east_m: [21, 90] }, { since_us: 1_000_000, gone: [1], time_us: 1_100_000 }));
    const east = (slot: number) => picture.columns.east_m[picture.rowOf(slot) ?? NaN];
    expect([picture.count, east(2), east(3), east(9), picture.rowOf(1)]).toEqual([3, 21, 30, 90, undefined]);
  });

  it("starts anew with what is the change of nothing", () => {
    const picture = pictureOf([1, 2, 3], {});
    picture.apply(table([7], {}));
    expect([picture.count, picture.rowOf(1), picture.rowOf(7)]).toEqual([1, undefined, 0]);
  });

  it("grows, and keeps every slot's values", () => {
    const slots = Array.from({ length: 5000 }, (_, at) => at * 3);
    const picture = pictureOf(slots, { east_m: slots });
    picture.apply(table([], {}, { since_us: 1, gone: slots.filter((slot) => slot % 2) }));
    expect(picture.count).toBe(2500);
    for (const slot of slots) expect(picture.rowOf(slot) === undefined ? undefined : picture.columns.east_m[picture.rowOf(slot) ?? 0]).toBe(slot % 2 ? undefined : slot);
  });
});

describe("what is drawn", () => {
  it("is everybody once, in the colour of who tells of them", () => {
    const picture = pictureOf([1, 2, 3, 4], { kind: [1, 2, 2, 1], twin: [-1, 1, -1, -1], level: [0, 0, 0, 2], participant_type: [1, 1, 1, 1] });
    const palette = PALETTES.light;
    const drawn = draw(picture, palette, undefined);
    expect([drawn.length, countUsers(picture), [...fusedRows(picture)]]).toEqual([3, 3, [1, 0, 0, 0]]);
    const colour = (at: number) => [...drawn.colours.subarray(at * 4, at * 4 + 3)];
    expect([colour(0), colour(1), colour(2)]).toEqual([[...palette.fused], [...palette.seen], [...palette.imminent]]);
  });

  it("is faint on a level that was not picked, and not where the level is unknown", () => {
    const drawn = draw(pictureOf([1, 2, 3], { deck: [0, 1, -1] }), PALETTES.dark, 1);
    expect([3, 7, 11].map((at) => (drawn.colours[at] ?? 0) > 200)).toEqual([false, true, true]);
  });

  it("points where they drive and is as large as they are", () => {
    const drawn = draw(pictureOf([1], { heading_deg: [90], length_m: [10], width_m: [2], participant_type: [1], up_m: [NaN] }), PALETTES.light, undefined);
    const { offsets, indices } = cornersOf(drawn, "outline");
    expect(offsets[0]).toBeCloseTo(5); // the tip lies 5 m east
    expect(offsets[1]).toBeCloseTo(0);
    expect(Math.max(...offsets.filter((_, at) => at % 3 === 1))).toBeCloseTo(1);
    expect(drawn.positions[2]).toBe(0);
    expect(indices.length).toBe(9);
  });

  it("has shapes whose triangles are of their own corners", () => {
    for (const detail of ["arrow", "outline", "box"] as const) {
      const { corners, indices } = shapeOf(detail);
      expect(indices.length % 3).toBe(0);
      expect(new Set(indices)).toEqual(new Set(corners.keys()));
    }
  });
});

const DRAWING: Drawing = {
  site_id: "hill",
  version: 1,
  kinds: ["road", "tunnel"],
  lanes: { start: [0, 2, 5], points: [0, 0, 0, 10, 0, 0, 0, 5, 6, 5, 5, 6, 9, -5, 6], width_m: [3, 3.5], deck: [0, 1], kind: [0, 1], is_for_vehicles: [true, true], link: ["a", "b"] },
  stop_lines: { intersection: [1, 1, 2], phase: [1, 1, 1], east_m: [1, 2, 3], north_m: [0, 0, 0], up_m: [0, 0, 5], heading_deg: [0, 0, 0] },
};

describe("the roads", () => {
  it("are lanes with their own points, decks and bounds", () => {
    const lanes = lanesOf(DRAWING);
    expect(lanes.map((lane) => [lane.path.length, lane.kind])).toEqual([[6, "road"], [9, "tunnel"]]);
    expect(decksOf(lanes)).toEqual([0, 1]);
    expect(boundsOf(DRAWING.lanes.points)).toEqual({ low: [0, -5], high: [10, 5] });
    expect(boundsOf([])).toBeUndefined();
  });

  it("hold signals where the picture's phases are theirs, and count the others", () => {
    const signals = { region: [0, 0, 5], intersection: [1, 9, 2], phase: [1, 1, 1], light: [3, 6, 6], likely_end_s: [4.2, null, null] };
    const { heads, unplaced } = headsOf(signals, DRAWING.stop_lines);
    expect(heads.map((head) => [head.place[0], head.light, head.leftS])).toEqual([[1, "red", 4.2], [2, "red", 4.2]]);
    expect(unplaced).toBe(2);
  });

  it("name lights as the standard's codes do", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(lightOf)).toEqual(["unknown", "dark", "red", "red", "green", "green", "green", "yellow", "yellow"]);
  });
});

it("a device's place in local metres is that of chelu/geo.py", () => {
  // LocalFrame(29.53, 106.57, 240).to_local(29.5505, 106.581)
  const [east, north] = toLocal(HEADER.origin, 29.5505, 106.581);
  expect(east).toBeCloseTo(1066.13961, 4);
  expect(north).toBeCloseTo(2272.45325, 4);
});

it("coverage is the furthest that a unit has told of, by bearing", () => {
  const heard = new Heard();
  const place = [0, 0] as const;
  expect(heard.outline(7, place)).toBeUndefined();
  heard.look(pictureOf([1, 2], { device_key: [7, 8], east_m: [100, 500], north_m: [0, 0] }), new Map([[7, place]]));
  heard.look(pictureOf([1], { device_key: [7], east_m: [60], north_m: [0] }), new Map([[7, place]]));
  const far = (heard.outline(7, place) ?? []).map(([east, north]) => Math.hypot(east, north));
  expect(Math.max(...far)).toBeCloseTo(100);
  expect(far.filter((metres) => metres > 50)).toHaveLength(1);
});

it("both futures of a warning are drawn, the host's first", () => {
  const warning: Warning = {
    warning_id: "w", application: "fcw", level: 2, raised_us: 0, host: 1, other: 2, subject: null, ttc_s: 1, distance_m: 9,
    futures: [[0, 0, 5, 0, null, null], [9, 9, 9, 5]],
  };
  const paths = futuresOf([warning], pictureOf([1, 2], { up_m: [3, NaN] }));
  expect(paths.map((path) => [path.isHost, path.path.length, path.path[0]?.[2]])).toEqual([[true, 2, 3.4], [false, 2, 0.4]]);
});

it("who speaks is called by the own device, who is only seen by the unit's number for them", () => {
  const device = (device_id: string, device_key: number, kind: string) => ({ device_id, device_key, kind }) as never;
  const devices = [device("obu-1", 5, "obu"), device("rsu-1", 6, "rsu")];
  const picture = pictureOf([1, 2, 3], { kind: [1, 1, 2], key: [0xabc, 0xdef12, 6 * 65_536 + 9], device_key: [5, 6, 6] });
  expect([1, 2, 3, 4].map((slot) => nameOf(picture, slot, devices))).toEqual(["obu-1", "def12", "rsu-1 #9", "–"]);
});

it("what is on the canvas is walked in an order that stands still, each once, and found by name", () => {
  const picture = pictureOf([9, 4, 6], { kind: [1, 1, 2], key: [0xabc1, 0xdef2, 6 * 65_536 + 9], twin: [-1, -1, 4], device_key: [6, 6, 6] });
  expect(walked(picture, undefined, "").shown.map((one) => [one.slot, one.name])).toEqual([[4, "def2"], [9, "abc1"]]);
  expect(walked(picture, undefined, " ABC").shown.map((one) => one.slot)).toEqual([9]);
  const many = pictureOf(Array.from({ length: 70 }, (_, slot) => slot), {});
  expect([walked(many, undefined, "").shown.length, walked(many, undefined, "").more]).toEqual([50, 20]);
});

it("trying again waits longer each time, up to five seconds, and not everybody as long", () => {
  expect([0, 1, 2, 9].map((failures) => waitMs(failures, 0.5))).toEqual([250, 500, 1000, 4000]);
  expect(waitMs(3, 0)).toBeLessThan(waitMs(3, 1));
});

describe("a site without roads", () => {
  it("goes as far as its areas, its units and who is there, but not to who says to be far away", () => {
    const areas = aroundAreas({ areas: [{ id: "oval", rings: [[[0, 0], [300, 0], [300, 80]]] }], events: [] });
    expect(areas).toEqual({ low: [0, 0], high: [300, 80] });
    const columns = { east_m: new Float32Array([-40, 9e6, 7]), north_m: new Float32Array([120, 9e6, 7]) };
    const there = aroundUsers({ columns, count: 2 } as unknown as Picture);
    expect(there).toEqual({ low: [-40, 120], high: [-40, 120] });
    expect(together(areas, there)).toEqual({ low: [-40, 0], high: [300, 120] });
    expect([together(undefined, there), together(areas, undefined), together(undefined, undefined)]).toEqual([there, areas, undefined]);
  });
});

describe("what is marked on the ground", () => {
  const site = { ...HEADER.origin, site_id: "hillside", name: "", time_zone: "" };

  it("a place that is drawn is the one that local metres are of", () => {
    for (const [east, north] of [[0, 0], [812, -433], [-5000, 9000]] as const) {
      const [latitude, longitude] = toGeodetic(HEADER.origin, east, north);
      const [x, y] = toLocal(HEADER.origin, latitude, longitude);
      expect(Math.hypot(x - east, y - north)).toBeLessThan(1e-3);
    }
  });

  it("areas have longitude before latitude, and events stand at their place, else where their path begins", () => {
    const [area] = areasOf(site, [{ area_id: "oval", name: "", polygon: { coordinates: [[[106.581, 29.5505]]] } }]);
    expect(area?.rings[0]?.[0]).toEqual(toLocal(site, 29.5505, 106.581));
    const [at, on] = [{ latitude_deg: 29.55, longitude_deg: 106.58 }, { latitude_deg: 29.56, longitude_deg: 106.58 }];
    const event = { event_id: 1, place: null, path: [at, on] } as unknown as RoadEvent;
    const found = eventsOf(site, [event, { ...event, place: on }, { ...event, path: [] }]);
    expect(found.map((one) => one.at)).toEqual([toLocal(site, 29.55, 106.58), toLocal(site, 29.56, 106.58)]);
  });
});
