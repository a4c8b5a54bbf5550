// Where one is: `#/section/part?name=value`. After the #, so that no address of the API is taken, and a link can be shared.

import { useSyncExternalStore } from "react";

export interface Route {
  readonly section: string;
  readonly part: string;
  readonly asked: Readonly<Record<string, string>>;
}

export function readRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [section = "", part = ""] = path.split("/").map(decoded);
  return { section, part, asked: Object.fromEntries(new URLSearchParams(query)) };
}

/** What was typed by hand may be no encoding of anything: then it is what it says. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function writeRoute(section: string, part = "", asked: Readonly<Record<string, string>> = {}): string {
  const path = [section, part].filter(Boolean).map(encodeURIComponent).join("/");
  const query = new URLSearchParams(asked).toString();
  return `#/${path}${query ? `?${query}` : ""}`;
}

function subscribe(tell: () => void): () => void {
  window.addEventListener("hashchange", tell);
  return () => window.removeEventListener("hashchange", tell);
}

export function useRoute(): Route {
  return readRoute(useSyncExternalStore(subscribe, () => window.location.hash));
}
