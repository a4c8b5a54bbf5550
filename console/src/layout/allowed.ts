// What is allowed, in the reader's words: the registry's schema says it in its own (patterns, bounds, choices), other rules in plain English, of which
// what the catalogue of refusals lacks stays as it was said.

import { toldIn } from "../words/told";
import type { Key, Words } from "../words/words";

type Said = readonly [RegExp, (words: Words, ...parts: readonly string[]) => string];

const listed = (values: string) => values.replaceAll("'", "").replace(" or ", ", ");
const role = (words: Words, name: string) => words(`role.${name}` as Key);

const SAID: readonly Said[] = [
  [/^String should match pattern '\^\[A-Za-z0-9_\.-\]\{1,64\}\$'$/, (words) => words("register.add.idIs")],
  [/^Input should be less than or equal to (.+)$/, (words, limit = "") => words("allowed.atMost", { limit })],
  [/^Input should be greater than or equal to (.+)$/, (words, limit = "") => words("allowed.atLeast", { limit })],
  [/^Input should be greater than (.+)$/, (words, limit = "") => words("allowed.above", { limit })],
  [/^Input should be less than (.+)$/, (words, limit = "") => words("allowed.below", { limit })],
  [/^\S+ is less than the minimum of (.+)$/, (words, limit = "") => words("allowed.atLeast", { limit })],
  [/^\S+ is greater than the maximum of (.+)$/, (words, limit = "") => words("allowed.atMost", { limit })],
  [/^Input should be a valid (?:number|integer).*$/, (words) => words("allowed.number")],
  [/^Input should be a valid (?:datetime|date).*$/, (words) => words("allowed.time")],
  [/^(?:Field required|it is required)$/, (words) => words("allowed.needed")],
  [/^there is no field of that name$/, (words) => words("allowed.noField")],
  [/^String should have at most (\d+) characters?$/, (words, limit = "") => words("allowed.longest", { limit })],
  [/^String should have at least (\d+) characters?$/, (words, limit = "") => words("allowed.shortest", { limit })],
  [/^Input should be a valid string.*$/, (words) => words("allowed.text")],
  [/^Input should be a finite number$/, (words) => words("allowed.number")],
  [/^Input should be a valid (?:list|tuple|array).*$/, (words) => words("allowed.list")],
  [/^Input should be a valid boolean.*$/, (words) => words("allowed.yesNo")],
  [/^List should have at most (\d+) items?.*$/, (words, limit = "") => words("allowed.atMost", { limit })],
  [/^List should have at least (\d+) items?.*$/, (words, limit = "") => words("allowed.atLeast", { limit })],
  [/^Value error, (.+)$/, (words, said = "") => allowedIn(words, said)],
  [/^Input should be ('.+')$/, (words, values = "") => words("allowed.oneOf", { values: listed(values) })],
  [/^one of ([\w-]+(?:, [\w-]+)*)$/, (words, values = "") => words("allowed.oneOf", { values })],
  [/^(viewer|tester|operator|administrator) on site '(.+)'$/, (words, name = "", site = "") => words("allowed.role", { role: role(words, name), site })],
  [/^(viewer|tester|operator|administrator) on all sites$/, (words, name = "") => words("allowed.role", { role: role(words, name), site: words("screen.allSites") })],
  [/^another attempt in (\d+) s$/, (words, seconds = "") => words("allowed.later", { seconds })],
  [/^ends = \S+ after starts = \S+$/, (words) => words("allowed.ends")],
  [/^after now, and within (\d+) days$/, (words, days = "") => words("allowed.within", { days })],
];

export function allowedIn(words: Words, allowed: string): string {
  for (const [pattern, say] of SAID) {
    const found = pattern.exec(allowed);
    if (found) return say(words, ...found.slice(1));
  }
  return toldIn(words.language, allowed);
}
