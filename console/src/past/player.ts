// The time machine's works: an instant that moves, the window of stored time around it, and the map that is drawn of it.

import type { Api } from "../api/client";
import { asFailure, type Failure } from "../api/problem";
import { countUsers } from "../map/drawn";
import type { Unit } from "../map/layers";
import type { Palette } from "../map/palette";
import { Picture, type Warning } from "../map/picture";
import type { Drawing } from "../map/roads";
import { type Picked, Scene } from "../map/scene";
import { headsOf } from "../map/signals";
import { PastWindow } from "./window";

export const SPEEDS = [1, 2, 4, 8, 16] as const;
export type Speed = (typeof SPEEDS)[number];

export interface Moment {
  readonly timeUs: number;
  readonly isPlaying: boolean;
  readonly speed: Speed;
  /** ready: what is drawn is of `timeUs`; loading: it is being fetched; ended: that is as far as is stored. */
  readonly state: "ready" | "loading" | "ended";
  readonly failure: Failure | undefined;
  readonly users: number;
  /** Whether anything of this time is stored at all. */
  readonly hasReports: boolean;
  readonly unplaced: number;
  readonly drawn: number;
  readonly warnings: readonly Warning[];
  readonly moreWarnings: number;
  readonly picked: Picked | undefined;
}

const TICK_MS = 100;
const BEFORE_US = 3e6; // who was reported up to two seconds before is shown
const AHEAD_US = 8e6; // the ways that are drawn, and some time to fetch what comes
const AHEAD_TICKS_US = 4e6; // more for each time as fast
const LONGEST_US = 20e6;
const LEAST_US = 2e6;
const BEHIND_NOW_US = 3e6; // by then what was said is stored
const RETRY_MS = 3000;

export class Player {
  readonly picture = new Picture();
  readonly scene: Scene;
  moment: Moment;
  private readonly listeners = new Set<() => void>();
  private readonly timer: number;
  private window = new PastWindow();
  private fetching: AbortController | undefined;
  private notBefore = 0;
  private lines: Drawing["stop_lines"] | undefined;
  private units: readonly Unit[] = [];
  private isStale = true;
  private addressUs: number | undefined;

  constructor(
    private readonly api: Api,
    private readonly siteId: string,
    parent: HTMLDivElement,
    palette: Palette,
    timeUs: number,
  ) {
    this.moment = {
      timeUs, isPlaying: false, speed: 1, state: "loading", failure: undefined, users: 0, hasReports: true, unplaced: 0, drawn: 0,
      warnings: [], moreWarnings: 0, picked: undefined,
    };
    this.scene = new Scene(parent, this.picture, palette, { picked: (picked) => this.pick(picked), drawn: () => this.tell({ drawn: this.moment.drawn + 1 }) });
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
    this.load();
  }

  end(): void {
    window.clearInterval(this.timer);
    this.fetching?.abort();
    this.scene.end();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Go to an instant, in whole milliseconds as addresses have it; at most as far as is stored. */
  seek(us: number): void {
    this.tell({ timeUs: Math.min(Math.ceil(us / 1000) * 1000, newestUs()), state: "loading", failure: undefined });
    this.isStale = true;
    this.notBefore = 0;
    this.fetching?.abort(); // what was wanted of another time
    this.fetching = undefined;
    this.show();
    this.load();
  }

  play(isPlaying: boolean): void {
    this.tell({ isPlaying });
  }

  setSpeed(speed: Speed): void {
    this.tell({ speed });
    this.load();
  }

  setRoads(lines: Drawing["stop_lines"] | undefined, units: readonly Unit[]): void {
    this.lines = lines;
    this.units = units;
    this.isStale = true;
    this.show();
  }

  readonly pick = (picked: Picked | undefined): void => {
    this.scene.setChosen(picked?.kind === "user" ? picked.slot : undefined);
    this.tell({ picked });
  };

  /** What the address says now: it leads nowhere until it says something else. */
  keptInAddress(us: number): void {
    this.addressUs = us;
  }

  /** Go where the address leads. */
  follow(us: number): void {
    if (us === this.addressUs) return;
    this.addressUs = us;
    this.seek(us);
  }

  private tick(): void {
    const { isPlaying, speed, timeUs } = this.moment;
    if (isPlaying) {
      const nextUs = Math.min(timeUs + TICK_MS * 1000 * speed, newestUs());
      if (nextUs <= timeUs) this.tell({ isPlaying: false, state: "ended" });
      else if (this.window.missing(timeUs, nextUs + 1) === undefined) {
        this.tell({ timeUs: nextUs });
        this.isStale = true;
      }
    }
    this.show();
    this.load();
  }

  /** Draw what was so at the instant, when all that it takes is there. */
  private show(): void {
    const { timeUs } = this.moment;
    if (this.window.missing(timeUs - BEFORE_US, timeUs) !== undefined) {
      if (this.moment.state !== "loading") this.tell({ state: "loading" });
      return;
    }
    if (!this.isStale) return;
    this.isStale = false;
    const table = this.window.moment(timeUs);
    if (!table) return;
    this.picture.apply(table);
    const { heads, unplaced } = headsOf(table.header.signals, this.lines);
    this.scene.show(heads, this.units);
    const warnings = table.header.warnings ?? [];
    const hasReports = this.window.hasReports;
    this.tell({ state: "ready", users: countUsers(this.picture), unplaced, warnings, hasReports });
  }

  /** Fetch what is missing first of the time that is shown or comes next; what was asked for and is far away is given up. */
  private load(): void {
    if (this.fetching || performance.now() < this.notBefore) return;
    const { timeUs, speed } = this.moment;
    const wantedUs = Math.min(timeUs + AHEAD_US + AHEAD_TICKS_US * speed, newestUs());
    const fromUs = this.window.missing(Math.max(timeUs - BEFORE_US, 0), wantedUs);
    if (fromUs === undefined) return;
    if (fromUs > timeUs && wantedUs - fromUs < LEAST_US) return; // near the present it comes bit by bit
    const toUs = this.window.gapEnd(fromUs, Math.min(fromUs + LONGEST_US, wantedUs));
    const abort = new AbortController();
    this.fetching = abort;
    this.api
      .bytes(`/api/sites/${encodeURIComponent(this.siteId)}/past/picture`, { from_us: fromUs, to_us: toUs }, abort.signal)
      .then(
        (buffer) => {
          this.window.add(buffer);
          this.window.keepNear(this.moment.timeUs);
          this.isStale = true;
          this.tell({ failure: undefined });
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          this.notBefore = performance.now() + RETRY_MS;
          this.tell({ failure: asFailure(error) });
        },
      )
      .finally(() => {
        if (abort.signal.aborted) return;
        this.fetching = undefined;
        this.show();
        this.load();
      });
  }

  private tell(change: Partial<Moment>): void {
    this.moment = { ...this.moment, ...change };
    for (const listener of this.listeners) listener();
  }
}

/** The newest instant of which all is stored. */
export function newestUs(): number {
  return Date.now() * 1000 - BEHIND_NOW_US;
}
