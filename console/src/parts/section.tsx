// A section of several parts: its title, a tab for each part, and the part that is open.

import type { ComponentType, ReactNode } from "react";

import type { Me, Site } from "../api/types";
import { Screen } from "../layout/screens";
import { type Key, useWords } from "../words/words";
import { Tabs } from "./tabs";

export interface Part {
  readonly path: string;
  readonly word: Key;
  readonly Shown: ComponentType<{ me: Me; site: Site }>;
}

interface SectionProps {
  readonly section: string;
  readonly title: Key;
  readonly parts: readonly Part[];
  /** The path of the part that is open. */
  readonly open: string;
  readonly me: Me;
  readonly site: Site;
  /** One thing of the open part, in its place. */
  readonly children?: ReactNode;
}

export function Section({ section, title, parts, open, me, site, children }: SectionProps) {
  const words = useWords();
  const Shown = parts.find((one) => one.path === open)?.Shown;
  return (
    <div className="page whole">
      <h1>{words(title)}</h1>
      <Tabs section={section} title={title} parts={parts} open={open} siteId={site.site_id} />
      {children || (Shown ? <Shown me={me} site={site} /> : <Screen title={words("screen.unknownSection")} />)}
    </div>
  );
}
