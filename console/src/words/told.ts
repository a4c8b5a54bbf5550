// What the registry tells in English, in the reader's words: kinds, states, alarms, scenarios. What has none stays as it was told.

import { useCallback } from "react";

import { type Language, useWords } from "./words";
import { codes } from "./zh-codes";
import { findings } from "./zh-findings";
import { monitors } from "./zh-monitors";
import { refusals } from "./zh-refusals";
import { sentences } from "./zh-sentences";

const CHINESE: ReadonlyMap<string, string> = new Map(Object.entries({ ...codes, ...sentences, ...refusals, ...monitors }));

/** A code or a sentence of the registry's; of a code with more behind it ("rate-low bsm") the code alone has other words. */
export function toldIn(language: Language, text: string): string {
  if (language === "en") return englishOf(text);
  const whole = CHINESE.get(text) ?? CHINESE.get(text.replaceAll(" ", "_"));
  if (whole !== undefined) return whole;
  for (const [said, chinese] of findings) {
    const found = said.exec(text);
    if (found) return chinese.replace(/\$(\d)/g, (_, at: string) => toldIn(language, found[Number(at)] ?? ""));
  }
  const [first = "", ...rest] = text.split(" ");
  const code = rest.length ? (codes as Readonly<Record<string, string>>)[first.replace(/:$/, "")] : undefined;
  if (code === undefined) return text;
  return first.endsWith(":") ? `${code}：${toldIn(language, rest.join(" "))}` : [code, ...rest].join(" ");
}

/** What is told of a road user by its number of 16 digits, as maps and lists call it: "id 000000000000c002" → "id c002". */
export function shortened(text: string): string {
  return text.replaceAll(/\b0{8,}(?=[0-9a-f]{4,8}\b)/g, "");
}

/** A code as words; of one whose name is the same in both languages, such as PM2.5, that. */
function englishOf(text: string): string {
  const chinese = (codes as Readonly<Partial<Record<string, string>>>)[text];
  if (chinese === undefined) return text;
  return /^[ -~]+$/.test(chinese) ? chinese : text.replaceAll("_", " ");
}

export function useTold(): (text: string) => string {
  const { language } = useWords();
  return useCallback((text) => toldIn(language, text), [language]);
}
