// One thing that the registry refuses, in the reader's words: the field as forms call it, what was found, what is allowed. The registry's own name of
// the field stays beside it: that is what a file or a program calls it.

import type { Fault } from "../api/problem";
import type { Key, Words } from "../words/words";
import { allowedIn } from "./allowed";

const FIELDS: Readonly<Partial<Record<string, Key>>> = {
  area_id: "register.add.id",
  campaign_id: "register.add.id",
  device_id: "register.add.id",
  site_id: "app.site",
  user_name: "login.name",
  name: "register.add.name",
  full_name: "register.add.name",
  kind: "register.kind",
  latitude_deg: "register.add.latitude",
  longitude_deg: "register.add.longitude",
  elevation_m: "sites.add.elevation",
  time_zone: "sites.zone",
  polygon: "track.areas",
  coordinates: "track.corners",
  starts: "track.starts",
  ends: "track.ends",
  expires: "people.expires",
  team: "track.team",
  vehicle: "track.vehicle",
  purpose: "track.purpose",
  conditions: "track.conditions",
  max_speed_mps: "track.mostSpeed",
  signature: "firmware.signature",
  public_key: "firmware.publicKey",
  version: "firmware.version",
  vendor: "firmware.rule.vendor",
  model: "firmware.rule.model",
  from_version: "firmware.rule.from_version",
  waves: "campaigns.waves",
  change: "config.change",
  package: "firmware.packages",
  package_id: "firmware.packages",
  selection: "config.devices",
  devices: "config.devices",
  serial: "inbox.serial",
  fingerprint: "inbox.fingerprint",
  max_joins: "inbox.mostJoins",
  role: "people.role",
  roles: "people.roles",
  scope: "people.scopes",
  scopes: "people.scopes",
  comment: "alarms.comment",
  note: "parameters.note",
  reason: "stop.text.press",
  text: "board.text",
  spot: "board.spot",
  duty: "board.duty",
  place: "refusal.place",
  path: "refusal.path",
  set: "refusal.set",
  state: "people.state",
  severity: "alarms.severity",
  "If-Match": "refusal.version",
};
const WHOLE = "(document)"; // what was sent, all of it
const VALUES: Readonly<Partial<Record<string, Key>>> = { nothing: "refusal.nothing", none: "refusal.nothing", "(not shown)": "refusal.notShown" };

/** A field as forms call it, with its own name: "Identifier (device_id)"; one that none has keeps its own alone. */
export function fieldIn(words: Words, field: string): string {
  const names = field.replaceAll(/\[\d+\]/g, "").split(".");
  const key = FIELDS[names.at(-1) ?? ""] ?? FIELDS[names[0] ?? ""];
  return key ? words("refusal.field", { word: words(key), field: field.replace(/^\[0\]\./, "") }) : field;
}

export function refusalIn(words: Words, { field, value, allowed, line }: Fault): string {
  const found = VALUES[value];
  if (field === WHOLE && value.startsWith("{")) return words("failure.whole", { allowed: allowedIn(words, allowed) });
  const said = words("failure.field", { field: fieldIn(words, field), value: found ? words(found) : value, allowed: allowedIn(words, allowed) });
  return line === undefined ? said : words("failure.line", { line, said });
}
