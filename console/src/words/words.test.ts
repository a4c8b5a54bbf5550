import { describe, expect, it } from "vitest";

import { en } from "./en";
import { CATALOGUES, type Key, wordsOf } from "./words";
import { zh } from "./zh";

const sources = import.meta.glob<string>("../**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const code = Object.entries(sources).flatMap(([file, text]) => (/\/(en|zh)(-\w+)?\.ts$|\.test\./.exec(file) ? [] : [text])).join("\n");
const keys = Object.keys(en) as Key[];
const blanks = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("the catalogues", () => {
  it("have the same keys, and words for each", () => {
    expect(Object.keys(zh).sort()).toEqual([...keys].sort());
    for (const catalogue of Object.values(CATALOGUES)) expect(Object.values(catalogue).filter((text) => !text.trim())).toEqual([]);
  });

  it("leave the same places to be filled", () => {
    expect(keys.filter((key) => blanks(en[key]).join() !== blanks(zh[key]).join())).toEqual([]);
  });

  it("have no key that no page uses", () => {
    const stems = [...code.matchAll(/`([a-zA-Z.]+\.)\$\{/g)].map((match) => match[1] ?? "");
    const isUsed = (key: string) => code.includes(`"${key}"`) || stems.some((stem) => key.startsWith(stem) && !key.slice(stem.length).includes("."));
    expect(keys.filter((key) => !isUsed(key))).toEqual([]);
  });

  it("fill in values and leave what is not given", () => {
    expect(wordsOf("en")("register.count", { shown: 3, count: 10 })).toBe("3 of 10 devices");
    expect(wordsOf("zh")("register.count", { shown: 3 })).toContain("{count}");
    expect(wordsOf("en")("signals.control.maxpressure" as Key)).toBe("maxpressure");
  });
});
