// What is known of one thing, by name and value.

import { type Key, useWords } from "../words/words";

export type Fact = readonly [Key, string];

export function Facts({ facts }: { facts: readonly Fact[] }) {
  const words = useWords();
  return (
    <dl className="facts">
      {facts.map(([key, value]) => (
        <div key={key}>
          <dt>{words(key)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
