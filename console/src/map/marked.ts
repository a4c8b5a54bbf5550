// What of the register is marked on the ground: areas of the track, and road events that hold.

import type { Api } from "../api/client";
import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { toLocal } from "./place";

export type Corner = readonly [number, number]; // east and north, m

export interface Ground {
  readonly latitude_deg: number;
  readonly longitude_deg: number;
}

export interface RoadEvent {
  readonly event_id: number;
  readonly name: string;
  readonly chinese: string;
  readonly text: string;
  readonly place: Ground | null;
  readonly path: readonly Ground[];
  readonly radius_m: number;
  readonly path_radius_m: number;
  readonly valid_until: string | null;
  readonly units: number;
  readonly told: number;
}

interface Area {
  readonly area_id: string;
  readonly name: string;
  readonly polygon: { readonly coordinates: readonly (readonly (readonly [number, number])[])[] };
}

export interface MarkedArea {
  readonly id: string;
  readonly rings: readonly (readonly Corner[])[];
}

export interface MarkedEvent {
  readonly event: RoadEvent;
  /** Where its sign stands. */
  readonly at: Corner;
  readonly path: readonly Corner[];
}

export interface Marked {
  readonly areas: readonly MarkedArea[];
  readonly events: readonly MarkedEvent[];
}

const EVERY_MS = 5000;
const MOST = 1000;

export function areasOf(site: Site, areas: readonly Area[]): MarkedArea[] {
  return areas.map(({ area_id, polygon }) => ({ id: area_id, rings: polygon.coordinates.map((ring) => ring.map(([longitude, latitude]) => toLocal(site, latitude, longitude))) }));
}

/** An event stands at its place, else at the end of its path that drivers come to first. */
export function eventsOf(site: Site, events: readonly RoadEvent[]): MarkedEvent[] {
  const local = ({ latitude_deg, longitude_deg }: Ground) => toLocal(site, latitude_deg, longitude_deg);
  return events.flatMap((event): MarkedEvent[] => {
    const at = event.place ?? event.path[0];
    return at ? [{ event, at: local(at), path: event.path.map(local) }] : [];
  });
}

export function useMarked(site: Site) {
  return useLoaded(`marked ${site.site_id}`, (api, signal) => markedOf(api, site, signal), EVERY_MS);
}

async function markedOf(api: Api, site: Site, signal: AbortSignal): Promise<Marked> {
  const path = `/api/sites/${site.site_id}`;
  const [areas, { events }] = await Promise.all([
    api.get<readonly Area[]>(`${path}/areas`, {}, signal),
    api.get<{ events: readonly RoadEvent[] }>(`${path}/road-events`, { standing: "holds", limit: MOST }, signal),
  ]);
  return { areas: areasOf(site, areas), events: eventsOf(site, events) };
}
