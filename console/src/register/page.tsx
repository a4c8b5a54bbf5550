// The register and what is done with it: sites, devices and how they come, what they are told, the track, people, alarms, who changed what.

import type { ComponentType } from "react";

import type { Me, Site } from "../api/types";
import { Campaigns } from "../operations/campaigns";
import { Configurations } from "../operations/configuration";
import { Firmware } from "../operations/firmware";
import { Import } from "../operations/import";
import { Inbox } from "../operations/inbox";
import { People } from "../operations/people";
import { Track } from "../operations/track";
import type { PageProps } from "../pages/sections";
import { Tabs } from "../parts/tabs";
import { type Key, useWords } from "../words/words";
import { Alarms } from "./alarms";
import { Audit } from "./audit";
import { Devices } from "./devices";
import { Sites } from "./sites";
import { EmergencyStop } from "./stop";

interface Part {
  readonly path: string;
  readonly word: Key;
  readonly Shown: ComponentType<{ me: Me; site: Site }>;
}

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
  { path: "audit", word: "register.audit", Shown: Audit },
];

export default function RegisterPage({ me, site, part }: PageProps) {
  const words = useWords();
  const { Shown } = PARTS.find((one) => one.path === part) ?? { Shown: Devices };
  return (
    <div className="page whole">
      <h1>{words("section.register")}</h1>
      <Tabs section="register" title="section.register" parts={PARTS} open={part} siteId={site.site_id} />
      <Shown me={me} site={site} />
    </div>
  );
}
