// The city: traffic by segment, the event board, signals and who decides about them, what sensors measure.

import type { PageProps } from "../pages/sections";
import { type Part, Section } from "../parts/section";
import { Board } from "./board";
import { CaseWhole } from "./case";
import { Environment } from "./environment";
import { Signals } from "./signals";
import { Traffic } from "./traffic";

const PARTS: readonly Part[] = [
  { path: "", word: "city.traffic", Shown: Traffic, needsEverywhere: "tester" },
  { path: "board", word: "city.board", Shown: Board },
  { path: "signals", word: "city.signals", Shown: Signals },
  { path: "environment", word: "city.environment", Shown: Environment, needsEverywhere: "tester" },
];
const CASE = "case-"; // #/city/case-17

export default function CityPage({ me, site, part }: PageProps) {
  const isCase = part.startsWith(CASE);
  return (
    <Section section="city" title="section.city" parts={PARTS} open={isCase ? "board" : part} me={me} site={site}>
      {isCase && <CaseWhole me={me} site={site} caseId={part.slice(CASE.length)} />}
    </Section>
  );
}
