// How the site does: its devices, what monitors find of their data, what could not be used of it.

import type { PageProps } from "../pages/sections";
import { type Part, Section } from "../parts/section";
import { DevicesHealth } from "./devices";
import { Monitors } from "./monitors";
import { Refused } from "./refused";

const PARTS: readonly Part[] = [
  { path: "", word: "register.devices", Shown: DevicesHealth },
  { path: "monitors", word: "health.monitors", Shown: Monitors },
  { path: "refused", word: "health.refused", Shown: Refused, needsEverywhere: "tester" },
];

export default function HealthPage({ me, site, part }: PageProps) {
  return <Section section="health" title="section.health" parts={PARTS} open={part} me={me} site={site} />;
}
