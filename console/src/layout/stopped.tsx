// Over every page, as long as an emergency stop is in force on a site that one may see: which site, since when, and the way to its stop.

import type { Api } from "../api/client";
import type { Me, Site } from "../api/types";
import { useLoaded } from "../api/use";
import { useFormats, useWords } from "../words/words";
import { writeRoute } from "./route";

export interface Stopped {
  readonly site_id: string;
  readonly since: string;
}

const EVERY_MS = 2000;
const ALARMS = { kind: "emergency-stop", state: "open", limit: 1000 } as const;

/** Of all sites by their alarms, in one request; of the one that is shown by the stop itself, since an alarm may be switched off. */
export async function stoppedSites(api: Pick<Api, "get">, shown: string | undefined, signal: AbortSignal): Promise<Stopped[]> {
  const [{ alarms }, here] = await Promise.all([
    api.get<{ alarms: readonly { subject: string; since: string }[] }>("/api/alarms", ALARMS, signal),
    shown === undefined ? undefined : api.get<{ in_force: { pressed: string } | null }>(`/api/sites/${encodeURIComponent(shown)}/stop`, {}, signal),
  ]);
  const others = alarms.map(({ subject, since }) => ({ site_id: subject, since })).filter(({ site_id }) => site_id !== shown);
  return shown !== undefined && here?.in_force ? [{ site_id: shown, since: here.in_force.pressed }, ...others] : others;
}

export function StopBanner({ me, sites, site }: { me: Me; sites: readonly Site[]; site: Site | undefined }) {
  const words = useWords();
  const { date } = useFormats();
  const shown = site?.site_id;
  const stopped = useLoaded(`stopped ${shown ?? ""}`, async (api, signal) => (me.roles.length ? stoppedSites(api, shown, signal) : []), EVERY_MS);
  if (!stopped.value?.length) return null;
  const names = new Map(sites.flatMap(({ site_id, name }) => (name ? [[site_id, name]] : [])));
  return (
    <div className="stopped" role="alert" data-testid="stopped">
      {stopped.value.map((one) => (
        <a key={one.site_id} href={writeRoute("register", "stop", { site: one.site_id })}>
          {words("stop.banner", { site: names.get(one.site_id) ?? one.site_id, when: date(one.since) })}
        </a>
      ))}
    </div>
  );
}
