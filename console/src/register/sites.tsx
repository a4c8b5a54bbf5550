// The sites: where each is, how its devices do; a new one, and the roads of one.

import { useContext, useState } from "react";

import type { HealthSummary, Me, Site } from "../api/types";
import { SitesContext, useApi, useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Identifier, Name, Position } from "../parts/asked";
import { Table } from "../parts/table";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";

const EVERY_MS = 5000;
const GZIP = "application/gzip";
const OWN_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES = [...new Set([OWN_ZONE, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort();

export function Sites({ me }: { me: Me }) {
  const words = useWords();
  const { number } = useFormats();
  const [roadsOf, setRoadsOf] = useState<Site>();
  const loaded = useLoaded(
    "sites",
    async (api, signal) => ({ sites: await api.get<readonly Site[]>("/api/sites", {}, signal), summary: await api.get<readonly HealthSummary[]>("/api/health/summary", {}, signal) }),
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { sites, summary } = loaded.value;
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <div className="row">
        <h2>{words("register.sites")}</h2>
        <span className="end">{hasRole(me, "administrator", null) ? <AddSite done={loaded.reload} /> : <span className="faint">{words("sites.needsRole")}</span>}</span>
      </div>
      <Table
        label={words("register.sites")}
        heads={[words("register.add.id"), words("register.column.name"), words("sites.where"), words("sites.zone"), words("sites.devices"), words("sites.well"), words("sites.roads")]}
        rows={sites}
        keyOf={(one) => one.site_id}
        none={words("screen.noSites")}
        cells={(one) => {
          const { devices, healthy } = countsOf(summary, one.site_id);
          return [
            <a key="id" href={writeRoute("register", "", { site: one.site_id })}>
              {one.site_id}
            </a>,
            one.name || "–",
            `${number(one.latitude_deg, 5)}°, ${number(one.longitude_deg, 5)}°, ${number(one.elevation_m)} ${words("unit.m")}`,
            one.time_zone,
            number(devices),
            number(healthy),
            hasRole(me, "operator", one.site_id) && (
              <button key="roads" type="button" aria-label={words("sites.roads.put.one", { site: one.site_id })} onClick={() => setRoadsOf(one)}>
                {words("sites.roads.put")}
              </button>
            ),
          ];
        }}
      />
      {roadsOf && <PutRoads site={roadsOf} close={() => setRoadsOf(undefined)} />}
    </>
  );
}

/** How many devices a site has, and how many of them are healthy. */
export function countsOf(summary: readonly HealthSummary[], siteId: string): { devices: number; healthy: number } {
  const mine = summary.filter((one) => one.site_id === siteId);
  const devices = mine.reduce((sum, one) => sum + one.unheard + one.offline + one.impaired + one.healthy, 0);
  return { devices, healthy: mine.reduce((sum, one) => sum + one.healthy, 0) };
}

/** A button, and what it asks for. */
export function AddSite({ done }: { done?: () => void }) {
  const words = useWords();
  const api = useApi();
  const haveChanged = useContext(SitesContext);
  const [isAsking, setAsking] = useState(false);

  async function send(form: Form) {
    const place = { latitude_deg: form.number("latitude_deg"), longitude_deg: form.number("longitude_deg"), elevation_m: form.number("elevation_m") };
    await api.send("POST", "/api/sites", { site_id: form.text("site_id"), name: form.text("name"), time_zone: form.text("time_zone"), ...place });
    haveChanged();
    done?.();
  }

  return (
    <>
      <button type="button" className="main" onClick={() => setAsking(true)}>
        {words("sites.add")}
      </button>
      {isAsking && (
        <Ask title={words("sites.add")} action={words("register.add.submit")} send={send} close={() => setAsking(false)}>
          <Identifier name="site_id" />
          <Name />
          <Position isRequired />
          <label>
            {words("sites.add.elevation")}
            <input name="elevation_m" type="number" step="any" />
          </label>
          <label>
            {words("sites.zone")}
            <select name="time_zone" defaultValue={OWN_ZONE}>
              {ZONES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        </Ask>
      )}
    </>
  );
}

function PutRoads({ site, close }: { site: Site; close: () => void }) {
  const words = useWords();
  const api = useApi();

  async function send(form: Form) {
    const file = form.file("file");
    if (file) await api.upload(`/api/sites/${site.site_id}/roads`, await packed(file), GZIP, {}, "PUT");
  }

  return (
    <Ask title={words("sites.roads.title", { site: site.name || site.site_id })} action={words("firmware.upload")} send={send} close={close}>
      <p>{words("sites.roads.more")}</p>
      <label>
        {words("sites.roads.file")}
        <input name="file" type="file" required accept=".xml,.gz" />
      </label>
    </Ask>
  );
}

/** The file as the registry takes it: packed with gzip, unless it is. */
async function packed(file: File): Promise<Blob> {
  if (file.name.endsWith(".gz")) return file;
  return new Response(file.stream().pipeThrough(new CompressionStream("gzip"))).blob();
}
