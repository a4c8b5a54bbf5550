// A section of several parts: its title, a tab for each part, and the part that is open.

import type { ComponentType, ReactNode } from "react";

import type { Me, Role, Site } from "../api/types";
import { NoRights, Screen } from "../layout/screens";
import { hasRole } from "../session/session";
import { type Key, useWords } from "../words/words";
import { Tabs } from "./tabs";

export interface Part {
  readonly path: string;
  readonly word: Key;
  readonly Shown: ComponentType<{ me: Me; site: Site }>;
  /** What one has to be on all sites, where having it on this one is not enough. */
  readonly needsEverywhere?: Role;
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
  const part = parts.find((one) => one.path === open);
  return (
    <div className="page whole">
      <h1>{words(title)}</h1>
      <Tabs section={section} title={title} parts={parts} open={open} siteId={site.site_id} />
      {children || (part ? <Open part={part} me={me} site={site} /> : <Screen title={words("screen.unknownSection")} />)}
    </div>
  );
}

function Open({ part: { Shown, needsEverywhere }, me, site }: { part: Part; me: Me; site: Site }) {
  const words = useWords();
  const isAllowed = !needsEverywhere || hasRole(me, needsEverywhere, null);
  return isAllowed ? <Shown me={me} site={site} /> : <NoRights me={me} role={needsEverywhere} site={words("screen.allSites")} />;
}
