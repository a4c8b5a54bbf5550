// What is allowed, in the reader's words: the registry's schema says it in its own (patterns, bounds, choices), other rules in plain English.

import type { Words } from "../words/words";

type Said = readonly [RegExp, (words: Words, part: string) => string];

const SAID: readonly Said[] = [
  [/^String should match pattern '\^\[A-Za-z0-9_\.-\]\{1,64\}\$'$/, (words) => words("register.add.idIs")],
  [/^Input should be less than or equal to (.+)$/, (words, limit) => words("allowed.atMost", { limit })],
  [/^Input should be greater than or equal to (.+)$/, (words, limit) => words("allowed.atLeast", { limit })],
  [/^Input should be greater than (.+)$/, (words, limit) => words("allowed.above", { limit })],
  [/^Input should be less than (.+)$/, (words, limit) => words("allowed.below", { limit })],
  [/^Input should be a valid (?:number|integer).*$/, (words) => words("allowed.number")],
  [/^Field required$/, (words) => words("allowed.needed")],
  [/^String should have at most (\d+) characters?$/, (words, limit) => words("allowed.longest", { limit })],
  [/^Input should be ('.+')$/, (words, values) => words("allowed.oneOf", { values: values.replaceAll("'", "").replace(" or ", ", ") })],
];

export function allowedIn(words: Words, allowed: string): string {
  for (const [pattern, say] of SAID) {
    const found = pattern.exec(allowed);
    if (found) return say(words, found[1] ?? "");
  }
  return allowed;
}
