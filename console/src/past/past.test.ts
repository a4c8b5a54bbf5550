import { describe, expect, it } from "vitest";

import { packed } from "../live/packed.test-help";
import { Picture } from "../map/picture";
import { readInstant, writeInstant } from "./address";
import { countUpTo, type PastHeader, type PastWarning } from "./chunk";
import { spanAround } from "./timeline";
import { PastWindow } from "./window";

const START = 1_795_000_000_000_000;
type Report = readonly [atMs: number, key: string, east: number];

function chunk(fromS: number, untilS: number, reports: readonly Report[], more: Partial<PastHeader> = {}): ArrayBuffer {
  const keys = [...new Set(reports.map(([, key]) => key))];
  const numbers = (value: number) => keys.map(() => value);
  const header: PastHeader = {
    site: "hill",
    from_us: START + fromS * 1e6,
    until_us: START + untilS * 1e6,
    origin: { latitude_deg: 29.53, longitude_deg: 106.57, elevation_m: 240 },
    tracks: { kind: numbers(1), key: keys, participant_type: numbers(1), length_m: numbers(4.5), width_m: numbers(1.8), device_key: numbers(3), twin: numbers(-1) },
    signals: { region: [], intersection: [], phase: [], at_ms: [], light: [], end_ms: [] },
    warnings: [],
    ...more,
  };
  const east = Float32Array.from(reports, ([, , value]) => value);
  const zero = new Float32Array(reports.length);
  return packed(
    reports.length,
    [
      ["at_ms", "<u4", Uint32Array.from(reports, ([at]) => at)],
      ["track", "<u4", Uint32Array.from(reports, ([, key]) => keys.indexOf(key))],
      ["east_m", "<f4", east],
      ["north_m", "<f4", zero],
      ["up_m", "<f4", zero],
      ["speed_mps", "<f4", zero],
      ["heading_deg", "<f4", zero],
    ],
    header,
  );
}

function windowOf(...chunks: readonly ArrayBuffer[]): PastWindow {
  const found = new PastWindow();
  for (const one of chunks) found.add(one);
  return found;
}

function shown(past: PastWindow, atS: number): { picture: Picture; east: Record<string, number> } {
  const picture = new Picture();
  const table = past.moment(START + atS * 1e6);
  if (table) picture.apply(table);
  const east: Record<string, number> = {};
  for (let row = 0; row < picture.count; row += 1) east[(picture.columns.key[row] ?? 0n).toString(16)] = picture.columns.east_m[row] ?? NaN;
  return { picture, east };
}

describe("a stored moment", () => {
  it("has everybody's newest report, over the border of two chunks, and nobody's of long before", () => {
    const past = windowOf(chunk(0, 10, [[5000, "c", 9], [9500, "a", 1], [9900, "b", 5]]), chunk(10, 20, [[100, "a", 2], [600, "a", 3]]));
    expect(shown(past, 10.2).east).toEqual({ a: 2, b: 5 });
    expect(shown(past, 9.6).east).toEqual({ a: 1 });
    expect(shown(past, 12.3).east).toEqual({ a: 3 });
    expect(shown(past, 9).east).toEqual({});
    expect(past.moment(START - 5e6)).toBeUndefined();
  });

  it("keeps a road user's number from chunk to chunk, so that who was picked stays picked", () => {
    const past = windowOf(chunk(0, 10, [[9900, "a", 1], [9900, "b", 5]]), chunk(10, 20, [[500, "b", 6], [600, "a", 2]]));
    const slot = (atS: number, key: bigint) => {
      const { picture } = shown(past, atS);
      return picture.slots[picture.columns.key.indexOf(key)];
    };
    expect(slot(9.95, 0xbn)).toBe(slot(10.9, 0xbn));
  });

  it("shows lights as they were told last, for three seconds", () => {
    const signals = { region: [0, 0], intersection: [1, 1], phase: [2, 2], at_ms: [-500, 2000], light: [3, 5], end_ms: [2000, null] };
    const past = windowOf(chunk(0, 10, [], { signals }));
    const at = (atS: number) => past.moment(START + atS * 1e6)?.header.signals;
    expect([at(1)?.light, at(1)?.likely_end_s]).toEqual([[3], [1]]);
    expect([at(2.1)?.light, at(2.1)?.likely_end_s]).toEqual([[5], [null]]);
    expect(at(5.5)?.light).toEqual([]);
  });
});

const WARNING: PastWarning = {
  warning_id: "w", application: "fcw", raised_us: START + 1e6, host: { kind: 1, key: "a" }, other: { kind: 1, key: "b" }, subject: null,
  states: [
    { at_ms: 1000, level: 1, until_ms: 2000, ttc_s: 3, distance_m: 20 },
    { at_ms: 1800, level: 2, until_ms: 2800, ttc_s: 2, distance_m: 10 },
    { at_ms: 2500, level: 0, until_ms: null, ttc_s: null, distance_m: null },
  ],
};
const DRIVING = Array.from({ length: 60 }, (_, step): Report[] => [[step * 100, "a", step], [step * 100, "b", 100]]).flat();

describe("a stored warning", () => {
  const past = windowOf(chunk(0, 6, DRIVING, { warnings: [WARNING] }));
  const levels = (atS: number) => past.moment(START + atS * 1e6)?.header.warnings?.map((one) => one.level);

  it("is up from when it was raised until it was cleared, and as severe as it was then", () => {
    expect([0.9, 1.1, 2.0, 2.6].map(levels)).toEqual([[], [1], [2], []]);
  });

  it("is up at the instant at which it was raised, even when it ended in the same", () => {
    const states = WARNING.states.filter((_, at) => at !== 1).map((state) => ({ ...state, at_ms: 1000.25 }));
    const brief = windowOf(chunk(0, 6, DRIVING, { warnings: [{ ...WARNING, raised_us: START + 1_000_250, states }] }));
    expect([1_000_249, 1_000_250, 1_000_251].map((us) => brief.moment(START + us)?.header.warnings?.length)).toEqual([0, 1, 0]);
  });

  it("lapses when nobody renews it", () => {
    const silent = windowOf(chunk(0, 6, DRIVING, { warnings: [{ ...WARNING, states: WARNING.states.slice(0, 1) }] }));
    expect(silent.moment(START + 2.5e6)?.header.warnings).toEqual([]);
  });

  it("has the ways that both drove from then on", () => {
    const [one] = past.moment(START + 1e6)?.header.warnings ?? [];
    const [host, other] = one?.futures ?? [];
    expect(host?.filter((_, at) => at % 2 === 0).slice(0, 3)).toEqual([10, 14, 18]);
    expect(other?.[0]).toBe(100);
    expect(shown(past, 1.1).picture.columns.level[0]).toBe(1);
  });
});

describe("the window", () => {
  it("says what is missing first, and where the next chunk begins", () => {
    const past = windowOf(chunk(10, 20, []), chunk(0, 5, []));
    expect([past.missing(START, START + 20e6), past.missing(START + 10e6, START + 20e6)]).toEqual([START + 5e6, undefined]);
    expect([past.gapEnd(START + 5e6, START + 30e6), past.gapEnd(START + 15e6, START + 30e6)]).toEqual([START + 10e6, START + 30e6]);
  });

  it("gives up what is far away", () => {
    const past = windowOf(chunk(0, 10, []), chunk(100, 110, []));
    past.keepNear(START + 100e6);
    expect([past.missing(START, START + 1e6), past.missing(START + 100e6, START + 110e6)]).toEqual([START, undefined]);
  });

  it("finds where an instant lies among ascending times", () => {
    expect([-1, 0, 3, 9].map((limit) => countUpTo(Uint32Array.of(0, 3, 3, 7), limit))).toEqual([0, 1, 3, 4]);
  });
});

it("an address says an instant as people read it, and nonsense is none", () => {
  expect(readInstant(writeInstant(START + 123_000))).toBe(START + 123_000);
  expect([undefined, "", "yesterday", "2026-13-40T00:00", "5"].map(readInstant)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

it("the slider stays where it is while the instant is within, and never lies beyond what is stored", () => {
  expect(spanAround(50, 100, 0, 1000)).toBe(0);
  expect(spanAround(150, 100, 0, 1000)).toBe(100);
  expect(spanAround(990, 100, 0, 1000)).toBe(900);
});
