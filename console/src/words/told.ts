// What the registry tells in English, in the reader's words: kinds, states, alarms, scenarios. What has none stays as it was told.

import { useCallback } from "react";

import { type Language, useWords } from "./words";
import { codes } from "./zh-codes";
import { sentences } from "./zh-sentences";

const CHINESE: ReadonlyMap<string, string> = new Map(Object.entries({ ...codes, ...sentences }));

/** A code or a sentence of the registry's; of a code with more behind it ("rate-low bsm") the code alone has other words. */
export function toldIn(language: Language, text: string): string {
  if (language === "en") return text in codes ? text.replaceAll("_", " ") : text;
  const whole = CHINESE.get(text) ?? CHINESE.get(text.replaceAll(" ", "_"));
  if (whole !== undefined) return whole;
  const [first = "", ...rest] = text.split(" ");
  const code = rest.length ? (codes as Readonly<Record<string, string>>)[first] : undefined;
  return code === undefined ? text : [code, ...rest].join(" ");
}

export function useTold(): (text: string) => string {
  const { language } = useWords();
  return useCallback((text) => toldIn(language, text), [language]);
}
