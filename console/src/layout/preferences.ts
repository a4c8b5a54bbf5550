// Language and theme: as chosen, else as the browser says; kept on this machine.

import type { Language } from "../words/words";

export type Theme = "light" | "dark";
export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
}

const PLACE = "chelu.preferences";

export function readPreferences(storage: Storage, languages: readonly string[], prefersDark: boolean): Preferences {
  const usual: Preferences = {
    language: languages[0]?.toLowerCase().startsWith("zh") ? "zh" : "en",
    theme: prefersDark ? "dark" : "light",
  };
  try {
    return { ...usual, ...(JSON.parse(storage.getItem(PLACE) ?? "{}") as Partial<Preferences>) };
  } catch {
    return usual;
  }
}

export function keepPreferences(storage: Storage, preferences: Preferences): void {
  storage.setItem(PLACE, JSON.stringify(preferences));
}
