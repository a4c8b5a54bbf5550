// The registry's API over fetch: the session's token on every call, a refusal as RefusedError, silence as UnreachableError.

import { readProblem, RefusedError, UnreachableError } from "./problem";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
const LONGEST_MS = 30_000;
const LONGEST_WORK_MS = 180_000;
const LONGEST_UPLOAD_MS = 600_000;

export class Api {
  /** token: of the session, none before one logs in; `onEnded` is told when the registry no longer knows it. */
  constructor(
    readonly token: string | undefined,
    readonly onEnded: () => void,
  ) {}

  async get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    return (await (await this.answer("GET", path, { query, signal })).json()) as T;
  }

  /** As `get`, of what the registry has to work out first. */
  async slow<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await (await this.answer("GET", path, { query: {}, signal, longestMs: LONGEST_WORK_MS })).json()) as T;
  }

  /** Every line of an answer in JSON lines. */
  async lines<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T[]> {
    const text = await (await this.answer("GET", path, { query, signal })).text();
    return text.split("\n").flatMap((line) => (line ? [JSON.parse(line) as T] : []));
  }

  /** An answer in bytes, such as columns. */
  async bytes(path: string, query: Query = {}, signal?: AbortSignal): Promise<ArrayBuffer> {
    return (await this.answer("GET", path, { query, signal })).arrayBuffer();
  }

  /** POST, PUT, PATCH or DELETE; undefined where the answer has no content. */
  async send<T>(method: string, path: string, body?: unknown, query: Query = {}): Promise<T> {
    const answer = await this.answer(method, path, { query, body });
    const text = await answer.text();
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** A change of what was read as this version; 412 when somebody else has changed it since. */
  async change<T>(path: string, body: unknown, version: number): Promise<T> {
    const answer = await this.answer("PATCH", path, { query: {}, body, headers: { "If-Match": `"${version}"` } });
    return (await answer.json()) as T;
  }

  /** A file as it is. */
  async upload<T>(path: string, file: Blob, type: string, query: Query = {}, method = "POST"): Promise<T> {
    const answer = await this.answer(method, path, { query, file, headers: { "Content-Type": type }, longestMs: LONGEST_UPLOAD_MS });
    return (await answer.json()) as T;
  }

  private async answer(method: string, path: string, { query, body, file, headers: more, signal, longestMs = LONGEST_MS }: Asked): Promise<Response> {
    const headers = new Headers(more);
    if (this.token) headers.set("Authorization", `Bearer ${this.token}`);
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const limit = AbortSignal.timeout(longestMs);
    const given: RequestInit = { method, headers, signal: signal ? AbortSignal.any([signal, limit]) : limit };
    if (body !== undefined) given.body = JSON.stringify(body);
    if (file) given.body = file;
    const answer = await reach(address(path, query), given, signal);
    if (answer.ok) return answer;
    if (answer.status === 401 && this.token) this.onEnded();
    throw new RefusedError(readProblem(answer.status, answer.statusText, await answer.text()));
  }
}

interface Asked {
  readonly query: Query;
  readonly body?: unknown;
  readonly file?: Blob;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly longestMs?: number;
}

/** A path with what is asked for, left out where undefined. */
export function address(path: string, query: Query): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) asked.set(name, String(value));
  const text = asked.toString();
  return text ? `${path}?${text}` : path;
}

async function reach(url: string, given: RequestInit, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, given);
  } catch (error) {
    if (signal?.aborted) throw error; // whoever asked does not want to know any more
    throw new UnreachableError(error);
  }
}
