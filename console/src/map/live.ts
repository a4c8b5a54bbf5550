// The live map's works: the socket feeds the picture, the picture is drawn, and a few times a second the page is told what it came to.

import type { Api } from "../api/client";
import type { Failure } from "../api/problem";
import { readTable } from "../live/columns";
import { LiveSocket, type LiveState } from "../live/socket";
import { countUsers } from "./drawn";
import { Heard } from "./heard";
import type { Unit } from "./layers";
import type { Palette } from "./palette";
import { type Header, Picture, type Warning } from "./picture";
import type { Drawing } from "./roads";
import { type Picked, Scene } from "./scene";
import { headsOf } from "./signals";

export interface Snapshot {
  readonly state: LiveState;
  readonly failure: Failure | undefined;
  readonly hasPicture: boolean;
  readonly users: number;
  readonly framesPerS: number;
  /** Pictures drawn since the page was opened. */
  readonly drawn: number;
  readonly silentS: number;
  readonly timeUs: number;
  readonly warnings: readonly Warning[];
  readonly moreWarnings: number;
  readonly phases: number;
  readonly unplaced: number;
  readonly picked: Picked | undefined;
}

export type Place = Omit<Unit, "outline">;

const TOLD_MS = 250;
const RATE_OVER_MS = 2000;

export class LiveMap {
  readonly picture = new Picture();
  readonly scene: Scene;
  snapshot: Snapshot = {
    state: "connecting", failure: undefined, hasPicture: false, users: 0, framesPerS: 0, drawn: 0, silentS: 0, timeUs: 0,
    warnings: [], moreWarnings: 0, phases: 0, unplaced: 0, picked: undefined,
  };
  private readonly socket: LiveSocket;
  private readonly heard = new Heard();
  private readonly listeners = new Set<() => void>();
  private readonly timer: number;
  private lines: Drawing["stop_lines"] | undefined;
  private places: readonly Place[] = [];
  private drawnAt: number[] = [];
  private drawn = 0;
  private newestAt = performance.now();
  private waiting = 0;

  constructor(api: Api, siteId: string, parent: HTMLDivElement, palette: Palette) {
    this.scene = new Scene(parent, this.picture, palette, { picked: (picked) => this.pick(picked), drawn: () => this.drew() });
    this.socket = new LiveSocket(api, `/api/live/sites/${encodeURIComponent(siteId)}/changes`, {
      frame: (buffer) => this.take(buffer),
      state: (state, failure) => this.tell({ state, failure }),
    });
    this.timer = window.setInterval(() => this.tell(this.counted()), TOLD_MS);
  }

  end(): void {
    window.clearInterval(this.timer);
    this.socket.close();
    this.scene.end();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  setLines(lines: Drawing["stop_lines"]): void {
    this.lines = lines;
  }

  setPlaces(places: readonly Place[]): void {
    this.places = places;
    if (!this.snapshot.hasPicture) this.scene.show([], places.map((place) => ({ ...place, outline: undefined })));
  }

  pick(picked: Picked | undefined): void {
    this.scene.setChosen(picked?.kind === "user" ? picked.slot : undefined);
    this.tell({ picked });
  }

  private take(buffer: ArrayBuffer): void {
    this.picture.apply(readTable<Header>(buffer));
    this.newestAt = performance.now();
    this.waiting += 1;
    const places = new Map(this.places.map((unit) => [unit.key, [unit.place[0], unit.place[1]] as const]));
    this.heard.look(this.picture, places);
    const units = this.places.map((unit) => ({ ...unit, outline: this.heard.outline(unit.key, [unit.place[0], unit.place[1]]) }));
    const { heads, unplaced } = headsOf(this.picture.header?.signals ?? NO_SIGNALS, this.lines);
    this.scene.show(heads, units);
    const raised = this.picture.header?.warnings?.some((one) => !this.snapshot.warnings.some((had) => had.warning_id === one.warning_id));
    // What is raised is told at once; all else a few times a second.
    if (raised || !this.snapshot.hasPicture) this.tell({ ...this.counted(), unplaced, hasPicture: true });
    else this.snapshot = { ...this.snapshot, unplaced };
  }

  /** All pictures that came until now are on the screen: the registry may send the next. */
  private drew(): void {
    const now = performance.now();
    this.drawn += 1;
    this.drawnAt = [...this.drawnAt.filter((at) => now - at < RATE_OVER_MS), now];
    for (; this.waiting > 0; this.waiting -= 1) this.socket.took();
  }

  private counted(): Partial<Snapshot> {
    const now = performance.now();
    const header = this.picture.header;
    return {
      users: countUsers(this.picture),
      framesPerS: this.drawnAt.filter((at) => now - at < RATE_OVER_MS).length / (RATE_OVER_MS / 1000),
      drawn: this.drawn,
      silentS: (now - this.newestAt) / 1000,
      timeUs: header?.time_us ?? 0,
      warnings: header?.warnings ?? [],
      moreWarnings: header?.more_warnings ?? 0,
      phases: header?.signals.phase.length ?? 0,
    };
  }

  private tell(change: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    for (const listener of this.listeners) listener();
  }
}

const NO_SIGNALS = { region: [], intersection: [], phase: [], light: [], likely_end_s: [] };
