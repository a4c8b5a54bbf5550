// The live map: the picture in the middle, what can be chosen beside it, warnings in words, details of whatever is clicked.

import "./map.css";

import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { allDevices, allHealth } from "../api/pages";
import { RefusedError } from "../api/problem";
import type { Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { useTheme } from "../layout/theme";
import type { PageProps } from "../pages/sections";
import { useWords } from "../words/words";
import { Controls } from "./controls";
import { Details } from "./details";
import { Legend } from "./legend";
import { LiveMap, type Place, type Snapshot } from "./live";
import { PALETTES } from "./palette";
import { toLocal } from "./place";
import { boundsOf, decksOf, type Drawing, lanesOf } from "./roads";
import { State } from "./state";
import { WarningList } from "./warnings";

const HEALTH_MS = 3000;
const DEVICES_MS = 30_000;
const NOTHING: Snapshot | undefined = undefined;

export default function MapPage({ site }: PageProps) {
  const words = useWords();
  const api = useApi();
  const theme = useTheme();
  const frame = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<LiveMap>();
  const [level, setLevel] = useState<number>();
  const [isTilted, setTilted] = useState(false);
  const snapshot = useSyncExternalStore(map?.subscribe ?? nobody, () => map?.snapshot ?? NOTHING);
  const roads = useLoaded(`roads ${site.site_id}`, (_, signal) => roadsOf(api, site, signal), DEVICES_MS * 10);
  const lanes = useMemo(() => (roads.value ? lanesOf(roads.value) : []), [roads.value]);
  const decks = useMemo(() => decksOf(lanes), [lanes]);
  const devices = useLoaded(`devices ${site.site_id}`, (_, signal) => allDevices(api, { site: site.site_id }, signal), DEVICES_MS);
  const places = usePlaces(site, devices.value);

  useEffect(() => {
    if (!frame.current) return;
    const made = new LiveMap(api, site.site_id, frame.current, PALETTES[readTheme()]);
    setMap(made);
    return () => {
      made.end();
      setMap(undefined);
    };
  }, [api, site.site_id]);
  useEffect(() => map?.scene.setPalette(PALETTES[theme]), [map, theme]);
  useEffect(() => map?.scene.setLevel(level), [map, level]);
  useEffect(() => map?.scene.setTilted(isTilted), [map, isTilted]);
  useEffect(() => map?.setPlaces(places), [map, places]);
  const bounds = useMemo(() => {
    if (!roads.value) return undefined;
    return boundsOf(roads.value.lanes.points) ?? boundsOf(places.flatMap((unit) => [...unit.place]));
  }, [roads.value, places]);
  useEffect(() => {
    if (map && roads.value) map.setLines(roads.value.stop_lines);
    map?.scene.setRoads(lanes);
  }, [map, roads.value, lanes]);
  const fitted = useRef<LiveMap>(undefined);
  useEffect(() => {
    if (!map || !bounds || fitted.current === map) return; // from then on the view is the reader's
    fitted.current = map;
    map.scene.fit(bounds);
  }, [map, bounds]);

  return (
    <div className="map" style={{ background: PALETTES[theme].ground }}>
      <h1 className="unseen">{words("map.label", { site: site.name || site.site_id })}</h1>
      <div className="canvas" ref={frame} role="application" aria-label={words("map.label", { site: site.name || site.site_id })} />
      {snapshot && <State snapshot={snapshot} site={site} hasRoads={!(roads.value && !roads.value.lanes.width_m.length)} />}
      {map && (
        <Controls
          decks={decks}
          level={level}
          pickLevel={setLevel}
          isTilted={isTilted}
          tilt={setTilted}
          zoom={(steps) => map.scene.zoom(steps)}
          fit={() => bounds && map.scene.fit(bounds)}
        />
      )}
      <aside className="side">
        {map && snapshot && <WarningList map={map} snapshot={snapshot} devices={devices.value} />}
        {map && snapshot?.picked && (
          <Details key={JSON.stringify(snapshot.picked)} map={map} picked={snapshot.picked} snapshot={snapshot} devices={devices.value} />
        )}
        <Legend palette={PALETTES[theme]} />
      </aside>
    </div>
  );
}

/** The site's roads; none, with a version of 0, where no network was put. */
async function roadsOf(api: ReturnType<typeof useApi>, site: Site, signal: AbortSignal): Promise<Drawing> {
  try {
    return await api.get<Drawing>(`/api/sites/${site.site_id}/roads/drawing`, {}, signal);
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return NO_ROADS;
    throw error;
  }
}

const NO_ROADS: Drawing = {
  site_id: "",
  version: 0,
  kinds: [],
  lanes: { start: [0], points: [], width_m: [], deck: [], kind: [], is_for_vehicles: [], link: [] },
  stop_lines: { intersection: [], phase: [], east_m: [], north_m: [], up_m: [], heading_deg: [] },
};

/** Roadside units that have a place, with how they do. */
function usePlaces(site: Site, devices: Awaited<ReturnType<typeof allDevices>> | undefined): readonly Place[] {
  const api = useApi();
  const health = useLoaded(`rsus ${site.site_id}`, (_, signal) => allHealth(api, { site: site.site_id, kind: "rsu" }, signal), HEALTH_MS);
  return useMemo(() => {
    const status = new Map(health.value?.map((one) => [one.device_id, one.status]));
    return (devices ?? []).flatMap((one): Place[] => {
      if (one.kind !== "rsu" || one.latitude_deg === null || one.longitude_deg === null) return [];
      const [east, north] = toLocal(site, one.latitude_deg, one.longitude_deg);
      const up = one.elevation_m === null ? 0 : one.elevation_m - site.elevation_m;
      return [{ key: one.device_key, id: one.device_id, place: [east, north, up], status: status.get(one.device_id) ?? "unheard" }];
    });
  }, [site, devices, health.value]);
}

function readTheme(): "light" | "dark" {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

function nobody(): () => void {
  return () => undefined;
}
