// The page: who one is, in which language and theme, and which section is open.

import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";

import { Api } from "./api/client";
import type { Me, Site } from "./api/types";
import { ApiContext, SitesContext, useLoaded } from "./api/use";
import { keepPreferences, type Preferences, readPreferences } from "./layout/preferences";
import { type Route, useRoute, writeRoute } from "./layout/route";
import { Boundary, Failed, Loading, NoRights, Screen } from "./layout/screens";
import { Shell } from "./layout/shell";
import { SECTIONS } from "./pages/sections";
import { Login } from "./session/login";
import { concernsSession, hasRole, keepSession, readSession, type Session } from "./session/session";
import { LOCALES, useWords, wordsOf, WordsContext, ZoneContext } from "./words/words";

const HOME = "map";
const AddSite = lazy(() => import("./register/sites").then(({ AddSite: found }) => ({ default: found })));

export function App({ storage }: { storage: Storage }) {
  const [session, setSession] = useState(() => readSession(storage, new Date()));
  const [hasEnded, setHasEnded] = useState(false);
  const [preferences, choose] = usePreferences(storage);
  const words = useMemo(() => wordsOf(preferences.language), [preferences.language]);

  const change = useCallback(
    (next: Session | undefined, isEnd = false) => {
      keepSession(storage, next);
      setSession(next);
      setHasEnded(isEnd);
    },
    [storage],
  );
  const token = session?.token;
  const api = useMemo(() => new Api(token, () => change(undefined, true)), [token, change]);
  useEffect(() => {
    const follow = (event: StorageEvent) => {
      if (!concernsSession(event)) return;
      setSession(readSession(storage, new Date()));
    };
    window.addEventListener("storage", follow);
    return () => window.removeEventListener("storage", follow);
  }, [storage]);

  function logout() {
    api.send("POST", "/api/logout").catch(() => undefined); // without an answer it ends by itself in time
    change(undefined);
  }

  return (
    <WordsContext value={words}>
      <ApiContext value={api}>
        {session ? (
          <Inside key={session.token} preferences={preferences} choose={choose} logout={logout} />
        ) : (
          <Login api={api} hasEnded={hasEnded} preferences={preferences} choose={choose} begin={change} />
        )}
      </ApiContext>
    </WordsContext>
  );
}

function usePreferences(storage: Storage): [Preferences, (change: Partial<Preferences>) => void] {
  const [preferences, setPreferences] = useState(() =>
    readPreferences(storage, navigator.languages, window.matchMedia("(prefers-color-scheme: dark)").matches),
  );
  useEffect(() => {
    document.documentElement.dataset.theme = preferences.theme;
    document.documentElement.lang = LOCALES[preferences.language];
  }, [preferences]);
  const choose = useCallback(
    (change: Partial<Preferences>) =>
      setPreferences((before) => {
        const after = { ...before, ...change };
        keepPreferences(storage, after);
        return after;
      }),
    [storage],
  );
  return [preferences, choose];
}

type InsideProps = Omit<Parameters<typeof Shell>[0], "me" | "sites" | "site" | "route" | "children">;

function Inside(around: InsideProps) {
  const words = useWords();
  const route = useRoute();
  const about = useLoaded("me and sites", async (api, signal) => {
    const me = await api.get<Me>("/api/me", {}, signal);
    // Whom the register gives no role is refused the list of sites; the screen says so in words.
    return { me, sites: me.roles.length ? await api.get<Site[]>("/api/sites", {}, signal) : [] };
  });
  const section = SECTIONS.find((one) => one.path === (route.section || HOME));
  useEffect(() => {
    document.title = section ? `${words(section.word)} · ${words("app.name")}` : words("app.name");
  }, [section, words]);
  if (!about.value) return about.failure ? <Failed failure={about.failure} retry={about.reload} /> : <Loading />;
  const { me, sites } = about.value;
  const wanted = route.asked.site;
  const site = sites.find((one) => one.site_id === wanted) ?? (wanted ? undefined : sites[0]);
  const here: Route = { ...route, section: section?.path ?? route.section };
  return (
    <SitesContext value={about.reload}>
      <ZoneContext value={site?.time_zone}>
        <Shell {...around} me={me} sites={sites} site={site} route={here}>
          <Boundary key={`${here.section} ${site?.site_id ?? ""}`} part={here.part}>
            <Content me={me} sites={sites} site={site} route={here} />
          </Boundary>
        </Shell>
      </ZoneContext>
    </SitesContext>
  );
}

function Content({ me, sites, site, route }: { me: Me; sites: readonly Site[]; site: Site | undefined; route: Route }) {
  const words = useWords();
  const section = SECTIONS.find((one) => one.path === route.section);
  if (!section)
    return (
      <Screen title={words("screen.unknownSection")}>
        <a href={writeRoute(HOME)}>{words("section.map")}</a>
      </Screen>
    );
  if (!me.roles.length) return <NoRights me={me} role={section.needs} site={words("screen.aSite")} />;
  if (!sites.length)
    return (
      <Screen title={words("screen.noSites")}>
        <p>
          <code>{words("screen.noSites.more")}</code>
        </p>
        {hasRole(me, "administrator", null) && (
          <Suspense fallback={<Loading />}>
            <AddSite />
          </Suspense>
        )}
      </Screen>
    );
  if (!site) return <Screen title={words("screen.unknownSite", { site: route.asked.site ?? "" })} />;
  if (!hasRole(me, section.needs, site.site_id)) return <NoRights me={me} role={section.needs} site={site.site_id} />;
  return (
    <Suspense fallback={<Loading />}>
      <section.Page me={me} site={site} part={route.part} asked={route.asked} />
    </Suspense>
  );
}
