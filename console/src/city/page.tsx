// The city: traffic by segment, the event board, signals and who decides about them, what sensors measure.

import type { ComponentType } from "react";

import type { Me, Site } from "../api/types";
import type { PageProps } from "../pages/sections";
import { Tabs } from "../parts/tabs";
import { type Key, useWords } from "../words/words";
import { Board } from "./board";
import { CaseWhole } from "./case";
import { Environment } from "./environment";
import { Signals } from "./signals";
import { Traffic } from "./traffic";

interface Part {
  readonly path: string;
  readonly word: Key;
  readonly Shown: ComponentType<{ me: Me; site: Site }>;
}

const PARTS: readonly Part[] = [
  { path: "", word: "city.traffic", Shown: Traffic },
  { path: "board", word: "city.board", Shown: Board },
  { path: "signals", word: "city.signals", Shown: Signals },
  { path: "environment", word: "city.environment", Shown: Environment },
];
const CASE = "case-"; // #/city/case-17

export default function CityPage({ me, site, part }: PageProps) {
  const words = useWords();
  const open = part.startsWith(CASE) ? "board" : part;
  const { Shown } = PARTS.find((one) => one.path === open) ?? { Shown: Traffic };
  return (
    <div className="page whole">
      <h1>{words("section.city")}</h1>
      <Tabs section="city" title="section.city" parts={PARTS} open={open} siteId={site.site_id} />
      {part.startsWith(CASE) ? <CaseWhole me={me} site={site} caseId={part.slice(CASE.length)} /> : <Shown me={me} site={site} />}
    </div>
  );
}
