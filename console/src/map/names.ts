// What a road user is called: its own device where it speaks itself, else its id, else the number that the roadside gave it.

import type { Device } from "../api/types";
import { type Picture, SEEN } from "./picture";

const PARTICIPANTS = 65_536n; // a roadside track's key is the unit's device key · 65536 + its number there

export function vehicleId(key: bigint): string {
  return key.toString(16).padStart(16, "0");
}

export function participantId(key: bigint): number {
  return Number(key % PARTICIPANTS);
}

export function nameOf(picture: Picture, slot: number, devices: readonly Device[] | undefined): string {
  const row = picture.rowOf(slot);
  if (row === undefined) return "–";
  const { kind, key, device_key } = picture.columns;
  const device = devices?.find((one) => one.device_key === device_key[row]);
  const mine = key[row] ?? 0n;
  if (kind[row] === SEEN) return `${device?.device_id ?? ""} #${participantId(mine)}`;
  return device && (device.kind === "obu" || device.kind === "vehicle") ? device.device_id : vehicleId(mine).replace(/^0+(?=.{4})/, "");
}
