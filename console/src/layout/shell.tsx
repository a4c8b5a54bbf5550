// Around every page: the sections, the site, who one is, language and theme.

import { type ReactNode, useEffect, useRef } from "react";

import type { Me, Site } from "../api/types";
import { SECTIONS } from "../pages/sections";
import { LOCALES, useWords } from "../words/words";
import { offsetNow } from "../words/zones";
import type { Preferences } from "./preferences";
import { type Route, writeRoute } from "./route";
import { StopBanner } from "./stopped";

interface ShellProps {
  readonly me: Me;
  readonly sites: readonly Site[];
  readonly site: Site | undefined;
  readonly route: Route;
  readonly preferences: Preferences;
  readonly choose: (change: Partial<Preferences>) => void;
  readonly logout: () => void;
  readonly children: ReactNode;
}

export function Shell({ me, sites, site, route, preferences, choose, logout, children }: ShellProps) {
  const words = useWords();
  const sections = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // In a narrow window they are a strip, in which the present one must not be out of sight.
    sections.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [route.section, words]);
  return (
    <div className="shell">
      <a className="skip" href="#content" onClick={skip}>
        {words("app.skip")}
      </a>
      <header className="bar">
        <p className="brand">
          <img src="./icon.svg" alt="" width="22" height="22" />
          {words("app.name")}
        </p>
        <nav aria-label={words("app.navigation")}>
          <ul ref={sections}>
            {SECTIONS.map(({ path, word }) => (
              <li key={path}>
                <a href={writeRoute(path, "", site ? { site: site.site_id } : {})} aria-current={path === route.section ? "page" : undefined}>
                  {words(word)}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div className="tools">
          {sites.length > 0 && (
            <label className="inline">
              <span>{words("app.site")}</span>
              <select
                value={site?.site_id ?? ""}
                onChange={(event) => (window.location.hash = writeRoute(route.section, ofAnySite(route.part), { site: event.target.value }))}
              >
                {!site && <option value="">–</option>}
                {sites.map((one) => (
                  <option key={one.site_id} value={one.site_id}>
                    {one.name || one.site_id}
                  </option>
                ))}
              </select>
            </label>
          )}
          {site && <Zone zone={site.time_zone} />}
          <Switches preferences={preferences} choose={choose} />
          <span className="who">{me.name}</span>
          <button type="button" className="quiet" onClick={logout}>
            {words("app.logout")}
          </button>
        </div>
        <StopBanner me={me} sites={sites} site={site} />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

/** A part that other sites have, too; one thing of a site ("case-17", "run-3") has a number, and is that site's alone. */
function ofAnySite(part: string): string {
  return /\d/.test(part) ? "" : part;
}

/** By whose clocks the page's times are. */
function Zone({ zone }: { zone: string }) {
  const words = useWords();
  return (
    <span className="faint small" title={words("app.zone", { zone })}>
      {offsetNow(zone, LOCALES[words.language])}
    </span>
  );
}

/** Language and theme; also on the screen on which one logs in. */
export function Switches({ preferences, choose }: Pick<ShellProps, "preferences" | "choose">) {
  const words = useWords();
  const other = preferences.theme === "dark" ? "light" : "dark";
  return (
    <>
      <button
        type="button"
        className="quiet"
        aria-label={`${words("app.language")}: ${words("app.language.label")}`}
        onClick={() => choose({ language: words.language === "en" ? "zh" : "en" })}
      >
        {words("app.language")}
      </button>
      <button type="button" className="quiet" aria-label={`${words(`app.theme.${other}`)}: ${words("app.theme.label")}`} onClick={() => choose({ theme: other })}>
        {words(`app.theme.${other}`)}
      </button>
    </>
  );
}

/** The # of the address says where one is: going to the content must not change it. */
function skip(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
