// The parts of a section as tabs: each has its own address.

import { writeRoute } from "../layout/route";
import { type Key, useWords } from "../words/words";

interface TabsProps {
  readonly section: string;
  readonly title: Key;
  readonly parts: readonly { readonly path: string; readonly word: Key }[];
  /** The path of the one that is shown. */
  readonly open: string;
  readonly siteId: string;
}

export function Tabs({ section, title, parts, open, siteId }: TabsProps) {
  const words = useWords();
  return (
    <nav className="tabs" aria-label={words(title)}>
      {parts.map(({ path, word }) => (
        <a key={path} href={writeRoute(section, path, { site: siteId })} aria-current={path === open ? "page" : undefined}>
          {words(word)}
        </a>
      ))}
    </nav>
  );
}
