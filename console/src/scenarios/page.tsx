// Scenario tests: what was run, a new one, one that is running, a verdict with its evidence, two runs held against each other.

import { NoRights } from "../layout/screens";
import type { PageProps } from "../pages/sections";
import { hasRole } from "../session/session";
import { Compare } from "./comparing";
import { NewTest } from "./new";
import { Overview } from "./overview";
import { RunVerdict } from "./verdict";
import { Watch } from "./watch";

export default function ScenariosPage({ me, site, part, asked }: PageProps) {
  const [what = "", number = ""] = part.split("-");
  if (part === "new" && !hasRole(me, "tester", site.site_id)) return <NoRights me={me} role="tester" site={site.site_id} />;
  if (part === "new") return <NewTest site={site} first={asked.scenario} />;
  if (part === "compare") return <Compare me={me} site={site} before={asked.before ?? ""} now={asked.now ?? ""} />;
  if (what === "test") return <Watch me={me} site={site} testId={number} />;
  if (what === "run") return <RunVerdict key={number} me={me} site={site} runId={number} isPlaying={asked.play === "1"} />;
  return <Overview me={me} site={site} />;
}
