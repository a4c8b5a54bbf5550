// One WebSocket of the registry that comes back by itself: after a restart of the registry, after a night's sleep of the machine.

import type { Api } from "../api/client";
import { asFailure, type Failure, RefusedError } from "../api/problem";

export type LiveState = "connecting" | "open" | "lost" | "refused";

export interface Told {
  /** A binary frame; the page answers with `took` when it has drawn it. */
  readonly frame: (buffer: ArrayBuffer) => void;
  readonly state: (state: LiveState, failure?: Failure) => void;
}

const PROTOCOL = "chelu.live"; // with "bearer.TOKEN", since a browser cannot send the header Authorization
const ENDED = 4401;
const FORBIDDEN = 4403;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
const UPGRADE_REQUIRED = 426; // what the same address answers to a plain request that would be let in

/** How long to wait before trying again, after so many times in vain: doubling, with a share of chance so that not all come at once. */
export function waitMs(failures: number, chance: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS) * (0.75 + chance / 2);
}

export class LiveSocket {
  private socket: WebSocket | undefined;
  private timer: number | undefined;
  private failures = 0;
  private isClosed = false;

  constructor(
    private readonly api: Api,
    private readonly path: string,
    private readonly told: Told,
  ) {
    this.open();
  }

  close(): void {
    this.isClosed = true;
    window.clearTimeout(this.timer);
    this.socket?.close();
  }

  /** Say that a frame has been drawn: the server sends the newest there is then. */
  took(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(new Uint8Array(1));
  }

  private open(): void {
    const url = new URL(this.path, window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    const socket = new WebSocket(url, [PROTOCOL, `bearer.${this.api.token ?? ""}`]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.failures = 0;
      this.told.state("open");
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      if (event.data instanceof ArrayBuffer) this.told.frame(event.data);
    };
    socket.onclose = (event) => {
      if (this.isClosed) return;
      if (event.code === ENDED) this.api.onEnded();
      else if (event.code === FORBIDDEN) this.told.state("refused", refusal(event.reason));
      else if (wasOpen) this.again();
      else void this.askWhy(); // a browser does not say why a socket was refused
    };
  }

  private again(): void {
    if (this.isClosed) return;
    this.told.state("lost");
    this.timer = window.setTimeout(() => this.open(), waitMs(this.failures, Math.random()));
    this.failures += 1;
  }

  /** Ask the same address plainly: whoever may not is told so, whoever may gets 426, and nobody answers while there is no registry. */
  private async askWhy(): Promise<void> {
    try {
      await this.api.get(this.path);
    } catch (error) {
      const failure = asFailure(error);
      const isFinal = failure instanceof RefusedError && [403, 404].includes(failure.status);
      if (isFinal) this.told.state("refused", failure);
      else if (!(failure instanceof RefusedError && failure.status === 401)) this.again();
      if (failure instanceof RefusedError && failure.status === UPGRADE_REQUIRED) this.failures = Math.min(this.failures, 2);
    }
  }
}

function refusal(reason: string): RefusedError {
  return new RefusedError({ title: "Forbidden", status: 403, detail: reason, errors: [] });
}
