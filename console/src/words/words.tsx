// Words in the reader's language, chosen at run time. A key that one catalogue lacks is a type error.

import { createContext, useContext, useMemo } from "react";

import { en } from "./en";
import { zh } from "./zh";

export type Key = keyof typeof en;
export type Catalogue = Readonly<Record<Key, string>>;
export type Language = "en" | "zh";
export const CATALOGUES: Readonly<Record<Language, Catalogue>> = { en, zh };
export const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", zh: "zh-CN" };

export type Values = Readonly<Record<string, string | number>>;

export interface Words {
  readonly language: Language;
  /** The words of a key, with `{name}` filled in. */
  (key: Key, values?: Values): string;
}

export function wordsOf(language: Language): Words {
  const catalogue = CATALOGUES[language];
  // A key made of what the registry said may be none: then its last part is what was said.
  const words = (key: Key, values: Values = {}) => fill((catalogue as Partial<Catalogue>)[key] ?? key.slice(key.lastIndexOf(".") + 1), values);
  return Object.assign(words, { language });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export const WordsContext = createContext<Words>(wordsOf("en"));

export function useWords(): Words {
  return useContext(WordsContext);
}

/** Whose clocks show the times of a page: its site's; undefined where there is none, and then the reader's do. */
export const ZoneContext = createContext<string | undefined>(undefined);

export function useZone(): string {
  return useContext(ZoneContext) ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

interface Formats {
  readonly number: (value: number, digits?: number) => string;
  readonly time: (us: number) => string;
  readonly date: (text: string) => string;
}

/** Numbers and times as the language writes them, by the site's clocks. */
export function useFormats(): Formats {
  const locale = LOCALES[useWords().language];
  const zone = useZone();
  return useMemo(() => {
    const times = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23", timeZone: zone });
    const dates = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium", hourCycle: "h23", timeZone: zone });
    return {
      number: (value, digits = 0) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
      time: (us) => times.format(us / 1000),
      date: (text) => dates.format(new Date(text)),
    };
  }, [locale, zone]);
}
