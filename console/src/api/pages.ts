// Lists that the API gives a page at a time, read to their end.

import type { Api, Query } from "./client";
import type { Device, DeviceHealth, DevicePage, HealthPage } from "./types";

const DEVICES_A_PAGE = 1000;

/** All devices that fit; `onPage` gets what there is so far, since ten thousand take a while. */
export async function allDevices(
  api: Api,
  query: Query,
  signal?: AbortSignal,
  onPage: (soFar: readonly Device[]) => void = () => undefined,
): Promise<readonly Device[]> {
  const found: Device[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page: DevicePage = await api.get("/api/devices", { ...query, limit: DEVICES_A_PAGE, after: after || undefined }, signal);
    found.push(...page.devices);
    after = page.next;
    if (after !== null) onPage([...found]);
  }
  return found;
}

/** The health of all devices of a site. */
export async function allHealth(api: Api, query: Query, signal?: AbortSignal): Promise<readonly DeviceHealth[]> {
  const found: DeviceHealth[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page: HealthPage = await api.get("/api/health", { ...query, limit: 10_000, after: after || undefined }, signal);
    found.push(...page.devices);
    after = page.next;
  }
  return found;
}
