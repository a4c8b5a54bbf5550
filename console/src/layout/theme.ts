// The theme for what is not styled by CSS: canvases.

import { useSyncExternalStore } from "react";

import type { Theme } from "./preferences";

function subscribe(tell: () => void): () => void {
  const watcher = new MutationObserver(tell);
  watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => watcher.disconnect();
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, readTheme);
}

export function readTheme(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}
