// How the site does: its devices, what monitors find of their data, what could not be used of it.

import type { ComponentType } from "react";

import type { Me, Site } from "../api/types";
import type { PageProps } from "../pages/sections";
import { Tabs } from "../parts/tabs";
import { type Key, useWords } from "../words/words";
import { DevicesHealth } from "./devices";
import { Monitors } from "./monitors";
import { Refused } from "./refused";

interface Part {
  readonly path: string;
  readonly word: Key;
  readonly Shown: ComponentType<{ me: Me; site: Site }>;
}

const PARTS: readonly Part[] = [
  { path: "", word: "register.devices", Shown: DevicesHealth },
  { path: "monitors", word: "health.monitors", Shown: Monitors },
  { path: "refused", word: "health.refused", Shown: Refused },
];

export default function HealthPage({ me, site, part }: PageProps) {
  const words = useWords();
  const { Shown } = PARTS.find((one) => one.path === part) ?? { Shown: DevicesHealth };
  return (
    <div className="page whole">
      <h1>{words("section.health")}</h1>
      <Tabs section="health" title="section.health" parts={PARTS} open={part} siteId={site.site_id} />
      <Shown me={me} site={site} />
    </div>
  );
}
