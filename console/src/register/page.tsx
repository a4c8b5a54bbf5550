// The register: devices of the site with how they do, a new one, the emergency stop, alarms, and who changed what.

import { writeRoute } from "../layout/route";
import type { PageProps } from "../pages/sections";
import { type Key, useWords } from "../words/words";
import { Alarms } from "./alarms";
import { Audit } from "./audit";
import { Devices } from "./devices";
import { EmergencyStop } from "./stop";

const PARTS: readonly { path: string; word: Key }[] = [
  { path: "", word: "register.devices" },
  { path: "stop", word: "register.stop" },
  { path: "alarms", word: "register.alarms" },
  { path: "audit", word: "register.audit" },
];

export default function RegisterPage({ me, site, part }: PageProps) {
  const words = useWords();
  return (
    <div className="page whole">
      <h1>{words("section.register")}</h1>
      <nav className="tabs" aria-label={words("section.register")}>
        {PARTS.map(({ path, word }) => (
          <a key={path} href={writeRoute("register", path, { site: site.site_id })} aria-current={path === part ? "page" : undefined}>
            {words(word)}
          </a>
        ))}
      </nav>
      <Part me={me} site={site} part={part} />
    </div>
  );
}

function Part({ me, site, part }: Pick<PageProps, "me" | "site" | "part">) {
  if (part === "audit") return <Audit me={me} />;
  if (part === "stop") return <EmergencyStop me={me} site={site} />;
  return part === "alarms" ? <Alarms me={me} site={site} /> : <Devices me={me} site={site} />;
}
