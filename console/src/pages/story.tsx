// One warning: who was warned of whom, all that became of it, and where to see it.

import { useMemo } from "react";

import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, Loading } from "../layout/screens";
import { addressOf } from "../past/address";
import { aboutName, partyName, type StoredWarning } from "../past/warnings";
import { type Column, Rows } from "../parts/rows";
import { useFormats, useWords } from "../words/words";
import { Why } from "./explanation";

interface Step {
  readonly state: "raised" | "updated" | "cleared";
  readonly level: number;
  readonly time_us: number;
  readonly decided_us: number;
  readonly ttc_s: number | null;
  readonly distance_m: number | null;
  readonly required_deceleration_mps2: number | null;
}

export function WarningStory({ site, warningId }: { site: Site; warningId: string }) {
  const words = useWords();
  const { number, date } = useFormats();
  const story = useLoaded(`story ${site.site_id} ${warningId}`, (api, signal) =>
    api.get<{ warning: StoredWarning; steps: readonly Step[] }>(`/api/sites/${site.site_id}/warnings/${encodeURIComponent(warningId)}`, {}, signal),
  );
  const columns = useMemo<readonly Column<Step>[]>(() => {
    const known = (value: number | null, digits: number, unit: string) => (value === null ? "–" : `${number(value, digits)} ${unit}`);
    return [
      { name: words("applications.step.time"), width: "8rem", cell: (one) => `+${number((one.time_us - (story.value?.steps[0]?.time_us ?? 0)) / 1e6, 2)} ${words("unit.s")}` },
      { name: words("applications.step.state"), width: "8rem", cell: (one) => words(`applications.step.${one.state}`) },
      { name: words("applications.level"), width: "7rem", cell: (one) => (one.level ? words(one.level > 1 ? "map.warning.imminent" : "map.warning.warning") : "–") },
      { name: words("applications.step.ttc"), width: "8rem", cell: (one) => known(one.ttc_s, 1, words("unit.s")) },
      { name: words("applications.step.distance"), width: "8rem", cell: (one) => known(one.distance_m, 1, words("unit.m")) },
      { name: words("applications.step.braking"), width: "minmax(9rem, 1fr)", cell: (one) => known(one.required_deceleration_mps2, 1, "m/s²") },
    ];
  }, [words, number, story.value]);
  if (!story.value) return story.failure ? <Failed failure={story.failure} retry={story.reload} /> : <Loading />;
  const { warning, steps } = story.value;
  return (
    <div className="page">
      <p>
        <a href={writeRoute("applications", "", { site: site.site_id })}>{words("applications.back")}</a>
      </p>
      <h1>
        {warning.application.toUpperCase()}: {partyName(warning.host)} → {aboutName(warning)}
      </h1>
      <p>
        {date(new Date(warning.raised_us / 1000).toISOString())} · <code>{warning.warning_id}</code>
      </p>
      <p>
        {warning.published_us === null
          ? words("applications.untold")
          : words("applications.told", { ms: number((warning.published_us - warning.decided_us) / 1000, 1) })}
      </p>
      <p>
        <a href={addressOf(site.site_id, Math.ceil(warning.raised_us / 1000) * 1000)}>{words("applications.lookWhole")}</a>
      </p>
      <Why path={`/api/sites/${site.site_id}/warnings/${encodeURIComponent(warningId)}`} />
      <div className="some">
        <Rows label={words("applications.steps")} columns={columns} rows={steps} keyOf={(one) => `${one.decided_us} ${one.state}`} />
      </div>
    </div>
  );
}
