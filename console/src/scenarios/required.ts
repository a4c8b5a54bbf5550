// What a requirement asks, in the reader's words: a sentence of the scenario's, or a limit on a metric, or a warning.

import { useCallback } from "react";

import { toldIn } from "../words/told";
import { useWords, type Words } from "../words/words";

const METRICS = ["minimum_distance_m", "lane_departure_m", "ttc_s", "deceleration_mps2", "contact", "red_light_passage"] as const;
const LIMIT = /^(\w+)(?: \((.+)\))? of (.+?) ((?:[<>≤≥=]) .+)$/;
const WARNING = /^(\w+) to (\w+)(?: about (\w+))? (never|(?:not before|by) .+)$/;

/** Titles as simulators/scenario/requirements.py makes them; one that is none of these is shown as it is. */
export function requiredIn(words: Words, title: string): string {
  const limit = LIMIT.exec(title);
  const metric = METRICS.find((one) => one === limit?.[1]);
  if (limit && metric) return words("required.limit", { metric: words(`required.${metric}`), of: (limit[3] ?? "").split(", ").join(words("required.and")), limit: limit[4] ?? "" });
  const [, application = "", host = "", about, when = ""] = WARNING.exec(title) ?? [];
  if (!application) return toldIn(words.language, title);
  const said = { application: application.toUpperCase(), host, when: whenIn(words, when) };
  return about ? words("required.warning", { ...said, about }) : words("required.notice", said);
}

function whenIn(words: Words, when: string): string {
  if (when === "never") return words("required.never");
  return when.split(", ").map((one) => (one.startsWith("not before ") ? words("required.notBefore", { when: one.slice(11) }) : words("required.by", { when: one.slice(3) }))).join(", ");
}

export function useRequired(): (title: string) => string {
  const words = useWords();
  return useCallback((title) => requiredIn(words, title), [words]);
}
