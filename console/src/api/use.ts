// Hooks with which a page loads from the API: what there is, what went wrong, and again after a while.

import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";

import type { Api } from "./client";
import { asFailure, type Failure } from "./problem";

export const ApiContext = createContext<Api | undefined>(undefined);

/** Have the list of sites loaded anew, after one was added. */
export const SitesContext = createContext<() => void>(() => undefined);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("a page outside of a session");
  return api;
}

export interface Loaded<T> {
  /** The newest that came; it stays while a later try fails, and `failure` says so. */
  readonly value: T | undefined;
  readonly failure: Failure | undefined;
  readonly reload: () => void;
}

/**
 * Load when `key` changes, when asked to, and every `everyMs` after an answer; what an older key asked for is given up.
 * `load` may be a new function each time: only `key` says that it loads something else.
 */
export function useLoaded<T>(key: string, load: (api: Api, signal: AbortSignal) => Promise<T>, everyMs?: number): Loaded<T> {
  const api = useApi();
  const [state, setState] = useState<{ key: string; value?: T; failure?: Failure }>({ key });
  const [round, setRound] = useState(0);
  const newest = useRef(load);
  useEffect(() => {
    newest.current = load;
  });
  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;
    const again = () => {
      newest.current(api, abort.signal).then(
        (value) => {
          if (abort.signal.aborted) return;
          setState({ key, value });
          if (everyMs) timer = window.setTimeout(again, everyMs);
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          setState((before) => ({ ...(before.key === key ? before : { key }), failure: asFailure(error) }));
          timer = window.setTimeout(again, everyMs ?? RETRY_MS);
        },
      );
    };
    again();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [api, key, everyMs, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const mine = state.key === key;
  return { value: mine ? state.value : undefined, failure: mine ? state.failure : undefined, reload };
}

const RETRY_MS = 3000;
