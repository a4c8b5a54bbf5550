// The register and what is done with it: sites, devices and how they come, what they are told, the track, people, alarms, who changed what.

import { Campaigns } from "../operations/campaigns";
import { Configurations } from "../operations/configuration";
import { Firmware } from "../operations/firmware";
import { Import } from "../operations/import";
import { Inbox } from "../operations/inbox";
import { People } from "../operations/people";
import { Track } from "../operations/track";
import type { PageProps } from "../pages/sections";
import { type Part, Section } from "../parts/section";
import { Alarms } from "./alarms";
import { Audit } from "./audit";
import { Devices } from "./devices";
import { Sites } from "./sites";
import { EmergencyStop } from "./stop";

const PARTS: readonly Part[] = [
  { path: "", word: "register.devices", Shown: Devices },
  { path: "sites", word: "register.sites", Shown: Sites },
  { path: "inbox", word: "operations.inbox", Shown: Inbox },
  { path: "import", word: "operations.import", Shown: Import },
  { path: "config", word: "operations.config", Shown: Configurations },
  { path: "campaigns", word: "operations.campaigns", Shown: Campaigns },
  { path: "firmware", word: "operations.firmware", Shown: Firmware },
  { path: "track", word: "operations.track", Shown: Track },
  { path: "people", word: "operations.people", Shown: People },
  { path: "stop", word: "register.stop", Shown: EmergencyStop },
  { path: "alarms", word: "register.alarms", Shown: Alarms },
  { path: "audit", word: "register.audit", Shown: Audit, needsEverywhere: "administrator" },
];

export default function RegisterPage({ me, site, part }: PageProps) {
  return <Section section="register" title="section.register" parts={PARTS} open={part} me={me} site={site} />;
}
