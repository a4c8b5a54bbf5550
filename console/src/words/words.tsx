// Words in the reader's language, chosen at run time. A key that one catalogue lacks is a type error.

import { createContext, useContext } from "react";

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
  const words = (key: Key, values: Values = {}) => fill(catalogue[key], values);
  return Object.assign(words, { language });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export const WordsContext = createContext<Words>(wordsOf("en"));

export function useWords(): Words {
  return useContext(WordsContext);
}

/** Numbers and times as the language writes them. */
export function useFormats(): { number: (value: number, digits?: number) => string; time: (us: number) => string; date: (text: string) => string } {
  const locale = LOCALES[useWords().language];
  return {
    number: (value, digits = 0) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
    time: (us) => new Date(us / 1000).toLocaleTimeString(locale, { hour12: false }),
    date: (text) => new Date(text).toLocaleString(locale, { hour12: false }),
  };
}
