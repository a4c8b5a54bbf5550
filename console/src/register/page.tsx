// The register: devices of the site with how they do, a new one, and who changed what.

import { writeRoute } from "../layout/route";
import type { PageProps } from "../pages/sections";
import { type Key, useWords } from "../words/words";
import { Audit } from "./audit";
import { Devices } from "./devices";

const PARTS: readonly { path: string; word: Key }[] = [
  { path: "", word: "register.devices" },
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
      {part === "audit" ? <Audit me={me} /> : <Devices me={me} site={site} />}
    </div>
  );
}
