// What the registry's API gives, as far as pages read it; /docs describes all of it.

export type Role = "viewer" | "tester" | "operator" | "administrator";
export type DeviceKind = "rsu" | "obu" | "rscu" | "sensor" | "signal" | "gateway" | "vehicle";
export const DEVICE_KINDS: readonly DeviceKind[] = ["rsu", "obu", "rscu", "sensor", "signal", "gateway", "vehicle"];

export interface SiteRole {
  readonly site: string | null;
  readonly role: Role;
}

export interface Me {
  readonly name: string;
  readonly user: string | null;
  readonly roles: readonly SiteRole[];
  readonly scopes: readonly string[] | null;
}

export interface Site {
  readonly site_id: string;
  readonly name: string;
  readonly latitude_deg: number;
  readonly longitude_deg: number;
  readonly elevation_m: number;
  readonly time_zone: string;
}

export interface Device {
  readonly device_id: string;
  readonly device_key: number;
  readonly kind: DeviceKind;
  readonly site_id: string;
  readonly name: string;
  readonly subtype: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly lifecycle: string;
  readonly has_credential: boolean;
  readonly latitude_deg: number | null;
  readonly longitude_deg: number | null;
  readonly elevation_m: number | null;
  readonly version: number;
  readonly created: string;
}

export interface DevicePage {
  readonly devices: readonly Device[];
  readonly next: string | null;
}

export interface Registered {
  readonly device_id: string;
  readonly device_key: number;
  readonly secret: string | null;
}

export type Status = "unheard" | "offline" | "impaired" | "healthy";

export interface DeviceHealth {
  readonly device_id: string;
  readonly kind: DeviceKind;
  readonly site_id: string;
  readonly status: Status;
  readonly since_us: number | null;
  readonly heard_us: number | null;
  readonly reason: string;
  readonly problems: readonly string[];
  readonly rates_hz: Readonly<Record<string, number>>;
  /** By stream: what has to come, as its profile or kind has it. */
  readonly expected_hz: Readonly<Record<string, number>>;
  readonly stored: number;
  readonly lost_share: number | null;
  readonly latency_ms: number | null;
  readonly skew_s: number | null;
}

export interface HealthPage {
  readonly devices: readonly DeviceHealth[];
  readonly next: string | null;
}

export interface HealthSummary {
  readonly site_id: string;
  readonly kind: DeviceKind;
  readonly unheard: number;
  readonly offline: number;
  readonly impaired: number;
  readonly healthy: number;
}

export interface Traffic {
  readonly from_us: number;
  readonly to_us: number;
  readonly streams: Readonly<Record<string, { received: number; stored: number; missing: number; dropped: Record<string, number> }>>;
  readonly lag: { committed_us: number | null; p50_ms: number | null; p99_ms: number | null };
}
