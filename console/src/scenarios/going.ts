// A paced test that is followed: its rows are asked for again when the last have been drawn, so that a slow browser gets fewer.

import type { Api } from "../api/client";
import { asFailure, type Failure, RefusedError } from "../api/problem";
import { waitMs } from "../live/socket";
import { Motion } from "./motion";
import { type Going, type Scene, readRun, type Told } from "./run";
import { NOTHING } from "./so-far";

export type GoingState = "connecting" | "live" | "lost" | "refused";

export interface Followed {
  /** connecting: nothing has moved yet; lost: tried again until it is there. */
  readonly state: GoingState;
  readonly failure: Failure | undefined;
  /** undefined before it moves. */
  readonly scene: Scene | undefined;
  readonly told: Told;
  readonly motion: Motion;
}

const EVERY_MS = 120;
const PATIENCE_MS = 5000; // of one answer: a connection that says nothing for so long is lost
const FINAL: readonly number[] = [401, 403, 404];

export class GoingRun {
  followed: Followed = { state: "connecting", failure: undefined, scene: undefined, told: NOTHING, motion: new Motion() };
  private readonly listeners = new Set<() => void>();
  private ending = new AbortController();
  private timer: number | undefined;
  private next = 0;
  private failures = 0;

  constructor(
    private readonly api: Api,
    private readonly path: string,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(): void {
    this.ending = new AbortController();
    void this.ask(this.ending.signal);
  }

  end(): void {
    this.ending.abort();
    window.clearTimeout(this.timer);
  }

  private async ask(ending: AbortSignal): Promise<void> {
    try {
      const buffer = await this.api.bytes(this.path, { after: this.next }, AbortSignal.any([ending, AbortSignal.timeout(PATIENCE_MS)]));
      if (ending.aborted) return;
      this.take(buffer);
      this.failures = 0;
      await drawn();
      this.again(ending, EVERY_MS);
    } catch (error) {
      if (ending.aborted) return;
      const failure = asFailure(error);
      const isFinal = failure instanceof RefusedError && FINAL.includes(failure.status);
      this.tell({ state: isFinal ? "refused" : "lost", failure });
      if (!isFinal) this.again(ending, waitMs(this.failures++, Math.random()));
    }
  }

  private again(ending: AbortSignal, afterMs: number): void {
    if (!ending.aborted) this.timer = window.setTimeout(() => void this.ask(ending), afterMs);
  }

  /** Rows that do not go on from those that are known are of a run that has begun again; none at all are of one that is over. */
  take(buffer: ArrayBuffer): void {
    const { header, table } = readRun<Going>(buffer);
    if (header.next === 0 && this.next > 0) {
      this.tell({ state: "live", failure: undefined });
      return;
    }
    const isAnother = header.first !== this.next;
    const motion = isAnother ? new Motion() : this.followed.motion;
    motion.add(table);
    this.next = header.next;
    const { ways, stop_lines, end_s, actors, so_far } = header;
    const scene = header.next > 0 && actors && ways && stop_lines && end_s !== undefined ? { actors, ways, stop_lines, end_s } : undefined;
    const told = scene ? { ...NOTHING, ...so_far } : NOTHING;
    this.tell({ state: scene ? "live" : "connecting", failure: undefined, scene, told, motion });
  }

  private tell(change: Partial<Followed>): void {
    this.followed = { ...this.followed, ...change };
    for (const listener of this.listeners) listener();
  }
}

function drawn(): Promise<void> {
  return new Promise((done) => window.requestAnimationFrame(() => done()));
}
