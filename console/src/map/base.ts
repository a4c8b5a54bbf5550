// What lies below all that moves, on the live map as on that of the past: the site's roads, its devices, where roadside units stand.

import { useMemo } from "react";

import { allDevices, allHealth } from "../api/pages";
import { RefusedError } from "../api/problem";
import type { Device, Site } from "../api/types";
import { type Loaded, useApi, useLoaded } from "../api/use";
import type { Place } from "./live";
import { toLocal } from "./place";
import { type Bounds, boundsOf, decksOf, type Drawing, type Lane, lanesOf } from "./roads";

const HEALTH_MS = 3000;
const DEVICES_MS = 30_000;

export interface Base {
  readonly roads: Loaded<Drawing>;
  readonly lanes: readonly Lane[];
  readonly decks: readonly number[];
  readonly devices: Loaded<readonly Device[]>;
  /** Roadside units that have a place, with how they do. */
  readonly places: readonly Place[];
  /** Around the roads, else around the units; undefined until the roads are there. */
  readonly bounds: Bounds | undefined;
}

export function useBase(site: Site): Base {
  const api = useApi();
  const roads = useLoaded(`roads ${site.site_id}`, (_, signal) => roadsOf(api, site, signal), DEVICES_MS * 10);
  const lanes = useMemo(() => (roads.value ? lanesOf(roads.value) : []), [roads.value]);
  const decks = useMemo(() => decksOf(lanes), [lanes]);
  const devices = useLoaded(`devices ${site.site_id}`, (_, signal) => allDevices(api, { site: site.site_id }, signal), DEVICES_MS);
  const places = usePlaces(site, devices.value);
  const bounds = useMemo(() => {
    if (!roads.value) return undefined;
    return boundsOf(roads.value.lanes.points) ?? boundsOf(places.flatMap((unit) => [...unit.place]));
  }, [roads.value, places]);
  return { roads, lanes, decks, devices, places, bounds };
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

function usePlaces(site: Site, devices: readonly Device[] | undefined): readonly Place[] {
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

export function nobody(): () => void {
  return () => undefined;
}
