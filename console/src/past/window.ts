// A sliding window of stored time: chunks side by side, what is missing, and any moment of it as a picture that the map draws.

import type { Column, Table } from "../live/columns";
import type { Header, Signals, Warning } from "../map/picture";
import { type Chunk, countUpTo, type PastState, type PastWarning, readChunk, Slots } from "./chunk";

const LIVES_US = 2e6; // without a report for so long nobody is shown, as in the live picture
const LIGHT_LIVES_MS = 3000;
const WAY_MS = 5200; // as far as the live map shows where somebody is taken to drive
const WAY_STEP_MS = 400;
const KEPT_BEFORE_US = 60e6;
const KEPT_AFTER_US = 120e6;
const NO_DECK = -1;

export class PastWindow {
  private readonly slots = new Slots();
  private chunks: Chunk[] = [];

  add(buffer: ArrayBuffer): Chunk {
    const chunk = readChunk(buffer, this.slots);
    this.chunks.push(chunk);
    this.chunks.sort((one, two) => one.header.from_us - two.header.from_us);
    return chunk;
  }

  /** Give up what lies far from an instant. */
  keepNear(us: number): void {
    this.chunks = this.chunks.filter(({ header }) => header.until_us > us - KEPT_BEFORE_US && header.from_us < us + KEPT_AFTER_US);
  }

  /** The first instant of [fromUs, toUs) that no chunk has; undefined when all of it is there. */
  missing(fromUs: number, toUs: number): number | undefined {
    let at = fromUs;
    for (const { header } of this.chunks) if (header.from_us <= at && header.until_us > at) at = header.until_us;
    return at < toUs ? at : undefined;
  }

  /** Where after an instant the next chunk begins; `toUs` when none does before. */
  gapEnd(us: number, toUs: number): number {
    return Math.min(toUs, ...this.chunks.map(({ header }) => header.from_us).filter((from) => from > us));
  }

  get hasReports(): boolean {
    return this.chunks.some((chunk) => chunk.rows > 0);
  }

  /** What was so at an instant, as the change of nothing. */
  moment(us: number): Table<Header> | undefined {
    const near = this.chunks.filter(({ header }) => header.until_us > us - LIVES_US && header.from_us <= us);
    const present = near.at(-1);
    if (!present) return undefined;
    const newest = this.newest(near, us);
    const warnings = this.warningsAt(us);
    const { site, origin } = present.header;
    const header: Header = { site, time_us: us, since_us: null, gone: [], origin, signals: signalsAt(present, us), warnings, more_warnings: 0 };
    return { rows: newest.size, header, columns: this.columnsOf(newest, present, warnings) };
  }

  /** By slot the newest report of the last two seconds. */
  private newest(chunks: readonly Chunk[], us: number): Map<number, [Chunk, number]> {
    const found = new Map<number, [Chunk, number]>();
    for (const chunk of chunks) {
      const atMs = (us - chunk.header.from_us) / 1000;
      const first = countUpTo(chunk.atMs, atMs - LIVES_US / 1000);
      for (let row = first, end = countUpTo(chunk.atMs, atMs); row < end; row += 1) found.set(chunk.slots[chunk.track[row] ?? 0] ?? 0, [chunk, row]);
    }
    return found;
  }

  private columnsOf(newest: ReadonlyMap<number, [Chunk, number]>, present: Chunk, warnings: readonly Warning[]): Map<string, Column> {
    const slots = [...newest.keys()];
    const reports = [...newest.values()];
    const twins = new Map(present.header.tracks.twin.flatMap((lead, at) => (lead < 0 ? [] : [[present.slots[at], present.slots[lead]] as const])));
    const level = new Map<number, number>();
    for (const one of warnings) level.set(one.host, Math.max(level.get(one.host) ?? 0, one.level));
    const about = slots.map((slot) => this.slots.of[slot]);
    const measured = (["east_m", "north_m", "up_m", "speed_mps", "heading_deg"] as const).map((name): [string, Column] => [
      name,
      Float32Array.from(reports, ([chunk, row]) => chunk.values[name][row] ?? NaN),
    ]);
    return new Map<string, Column>([
      ["slot", Uint32Array.from(slots)],
      ["generation", new Uint32Array(slots.length)],
      ["kind", Uint8Array.from(about, (one) => one?.kind ?? 0)],
      ["key", BigUint64Array.from(about, (one) => BigInt(`0x${one?.key ?? "0"}`))],
      ["participant_type", Uint8Array.from(about, (one) => one?.participant_type ?? 0)],
      ["length_m", Float32Array.from(about, (one) => one?.length_m ?? NaN)],
      ["width_m", Float32Array.from(about, (one) => one?.width_m ?? NaN)],
      ["device_key", Int32Array.from(about, (one) => one?.device_key ?? 0)],
      ["twin", Int32Array.from(slots, (slot) => twins.get(slot) ?? -1)],
      ["level", Uint8Array.from(slots, (slot) => level.get(slot) ?? 0)],
      ["deck", new Int8Array(slots.length).fill(NO_DECK)],
      ...measured,
    ]);
  }

  /** A warning is up from the instant at which it was raised to the one at which it ended, both included: some last no time. */
  private warningsAt(us: number): Warning[] {
    const up = new Map<string, readonly [PastWarning, PastState]>();
    for (const { header } of this.chunks) {
      if (header.from_us > us) break;
      const atMs = (us - header.from_us) / 1000;
      for (const one of header.warnings) {
        const state = one.states.findLast((each) => each.at_ms < atMs || (each.at_ms === atMs && each.level > 0));
        const isUp = state && state.level > 0 && (state.until_ms === null || state.until_ms >= atMs);
        if (isUp) up.set(one.warning_id, [one, state]);
        else if (state) up.delete(one.warning_id);
      }
    }
    const parties = [...up.values()].flatMap(([one]) => [one.host, ...(one.other ? [one.other] : [])].map((named) => this.slots.find(named) ?? -1));
    const ways = this.ways(new Set(parties), us);
    const shown = [...up.values()].map(([one, state]) => this.shown(one, state, ways));
    return shown.sort((one, two) => two.level - one.level || two.raised_us - one.raised_us);
  }

  private shown(one: PastWarning, { level, ttc_s, distance_m }: PastState, ways: ReadonlyMap<number, readonly number[]>): Warning {
    const [host, other] = [this.slots.find(one.host) ?? -1, one.other && (this.slots.find(one.other) ?? -1)];
    const futures = [host, ...(other === null ? [] : [other])].map((slot) => ways.get(slot) ?? []);
    const { warning_id, application, raised_us, subject } = one;
    return { warning_id, application, level, raised_us, host, other, subject, ttc_s, distance_m, futures };
  }

  /** The ways that some did drive from an instant on, by slot, east and north in turn. */
  private ways(slots: ReadonlySet<number>, us: number): Map<number, number[]> {
    const ways = new Map<number, number[]>();
    const nextUs = new Map<number, number>();
    if (!slots.size) return ways;
    for (const chunk of this.chunks) {
      const atMs = (us - chunk.header.from_us) / 1000;
      for (let row = countUpTo(chunk.atMs, atMs - 1), end = countUpTo(chunk.atMs, atMs + WAY_MS); row < end; row += 1) {
        const slot = chunk.slots[chunk.track[row] ?? 0] ?? 0;
        const atUs = chunk.header.from_us + (chunk.atMs[row] ?? 0) * 1000;
        if (!slots.has(slot) || atUs < (nextUs.get(slot) ?? us)) continue;
        const way = ways.get(slot) ?? [];
        way.push(chunk.values.east_m[row] ?? NaN, chunk.values.north_m[row] ?? NaN);
        ways.set(slot, way);
        nextUs.set(slot, atUs + WAY_STEP_MS * 1000);
      }
    }
    return ways;
  }
}

/** What each phase was told last, if that is not long ago. */
function signalsAt({ header }: Chunk, us: number): Signals {
  const told = header.signals;
  const atMs = (us - header.from_us) / 1000;
  const newest = new Map<string, number>();
  for (let at = 0; at < told.at_ms.length && (told.at_ms[at] ?? 0) <= atMs; at += 1)
    newest.set(`${told.region[at]} ${told.intersection[at]} ${told.phase[at]}`, at);
  const rows = [...newest.values()].filter((at) => (told.at_ms[at] ?? 0) > atMs - LIGHT_LIVES_MS);
  const of = (values: readonly number[]) => rows.map((at) => values[at] ?? 0);
  const ends = rows.map((at) => told.end_ms[at] ?? null);
  return {
    region: of(told.region),
    intersection: of(told.intersection),
    phase: of(told.phase),
    light: of(told.light),
    likely_end_s: ends.map((end) => (end === null ? null : Math.max(0, (end - atMs) / 1000))),
  };
}
