// A site's applications. What they warned of: how often by hour, how long before the contact, one warning's whole life; what they go by.

import { lazy, Suspense, useMemo } from "react";

import { useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { addressOf } from "../past/address";
import { aboutName, partyName, type StoredWarning, type WarningPage } from "../past/warnings";
import { type Column, Rows } from "../parts/rows";
import { type Part, Section } from "../parts/section";
import { useFormats, useWords } from "../words/words";
import { countsByHour, type Hour, leadsOf } from "./counted";
import { ParametersPart } from "./parameters";
import type { PageProps } from "./sections";
import { WarningStory } from "./story";

const Plot = lazy(() => import("../parts/plot"));
const DAY_US = 86_400e6;
const EVERY_MS = 15_000;
const MOST_LISTED = 1000;

const PARTS: readonly Part[] = [
  { path: "", word: "map.warnings", Shown: Overview },
  { path: "parameters", word: "applications.parameters", Shown: ParametersPart },
];

export default function ApplicationsPage({ me, site, part }: PageProps) {
  if (!PARTS.some(({ path }) => path === part)) return <WarningStory site={site} warningId={part} />;
  return <Section section="applications" title="section.applications" parts={PARTS} open={part} me={me} site={site} />;
}

function Overview({ site }: Pick<PageProps, "site">) {
  const words = useWords();
  const path = `/api/sites/${site.site_id}`;
  const hours = useLoaded(
    `hours ${site.site_id}`,
    (api, signal) => api.get<readonly Hour[]>(`${path}/warning-hours`, { from_us: Date.now() * 1000 - DAY_US, to_us: Date.now() * 1000 + 1e6 }, signal),
    EVERY_MS,
  );
  const listed = useLoaded(
    `warnings ${site.site_id}`,
    (api, signal) => api.get<WarningPage>(`${path}/warnings`, { from_us: Date.now() * 1000 - DAY_US, limit: MOST_LISTED }, signal),
    EVERY_MS,
  );
  const failure = hours.failure ?? listed.failure;
  if (!hours.value || !listed.value) return failure ? <Failed failure={failure} retry={hours.reload} /> : <Loading />;
  if (!listed.value.warnings.length)
    return (
      <>
        <h2>{words("applications.empty")}</h2>
        <p>{words("applications.empty.more")}</p>
      </>
    );
  return (
    <>
      <h2>{words("applications.title")}</h2>
      {failure && <FailureNote failure={failure} />}
      <div className="cards">
        <PerHour hours={hours.value} />
        <Leads hours={hours.value} warnings={listed.value.warnings} />
      </div>
      <List site={site} warnings={listed.value.warnings} />
    </>
  );
}

function PerHour({ hours }: { hours: readonly Hour[] }) {
  const words = useWords();
  const { time } = useFormats();
  const counted = useMemo(() => countsByHour(hours), [hours]);
  const option = useMemo(
    () => ({
      xAxis: { type: "category", data: counted.hours.map((us) => time(us).slice(0, 5)) },
      yAxis: { type: "value", minInterval: 1 },
      series: counted.applications.map(({ name, counts }) => ({ type: "bar", stack: "all", name: name.toUpperCase(), data: counts })),
    }),
    [counted, time],
  );
  const told = counted.applications.map(({ name, counts }) => `${name.toUpperCase()} ${counts.reduce((sum, one) => sum + one, 0)}`);
  return (
    <section className="card">
      <h2>{words("applications.perHour")}</h2>
      <Suspense fallback={<Loading />}>
        <Plot label={`${words("applications.perHour")}: ${told.join(", ")}`} option={option} hasLegend />
      </Suspense>
    </section>
  );
}

function Leads({ hours, warnings }: { hours: readonly Hour[]; warnings: readonly StoredWarning[] }) {
  const words = useWords();
  const { number } = useFormats();
  const seconds = (value: number | undefined) => (value === undefined ? "–" : `${number(value, 1)} ${words("unit.s")}`);
  return (
    <section className="card">
      <h2>{words("applications.leads")}</h2>
      <p className="faint small">{words("applications.leads.more")}</p>
      <table className="plain">
        <thead>
          <tr>
            {(["applications.application", "applications.count", "applications.imminent", "applications.least", "applications.median", "applications.most"] as const).map((key, at) => (
              <th key={key} scope="col" className={at ? "number" : undefined}>
                {words(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {leadsOf(hours, warnings).map((one) => (
            <tr key={one.application}>
              <th scope="row">{one.application.toUpperCase()}</th>
              <td className="number">{number(one.count)}</td>
              <td className="number">{number(one.imminent)}</td>
              <td className="number">{seconds(one.least)}</td>
              <td className="number">{seconds(one.median)}</td>
              <td className="number">{seconds(one.most)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function List({ site, warnings }: { site: PageProps["site"]; warnings: readonly StoredWarning[] }) {
  const words = useWords();
  const { number, date } = useFormats();
  const columns = useMemo<readonly Column<StoredWarning>[]>(
    () => [
      { name: words("applications.raised"), width: "14rem", cell: (one) => date(new Date(one.raised_us / 1000).toISOString()) },
      {
        name: words("applications.application"),
        width: "9rem",
        cell: (one) => <a href={writeRoute("applications", one.warning_id, { site: site.site_id })}>{one.application.toUpperCase()}</a>,
      },
      {
        name: words("applications.level"),
        width: "9rem",
        cell: (one) => (
          <span className={`mark ${one.level > 1 ? "offline" : "impaired"}`}>{words(one.level > 1 ? "map.warning.imminent" : "map.warning.warning")}</span>
        ),
      },
      { name: words("applications.host"), width: "minmax(8rem, 1fr)", cell: (one) => partyName(one.host) },
      { name: words("applications.about"), width: "minmax(8rem, 1fr)", cell: aboutName },
      { name: words("applications.lead"), width: "6rem", cell: (one) => (one.lead_s === null ? "–" : `${number(one.lead_s, 1)} ${words("unit.s")}`) },
      {
        name: words("applications.lasted"),
        width: "6rem",
        cell: (one) => (one.ended_us === null ? "–" : `${number((one.ended_us - one.raised_us) / 1e6, 1)} ${words("unit.s")}`),
      },
      {
        name: words("section.time"),
        width: "9rem",
        cell: (one) => <a href={addressOf(site.site_id, Math.ceil(one.raised_us / 1000) * 1000)}>{words("applications.look")}</a>,
      },
    ],
    [words, number, date, site.site_id],
  );
  return (
    <>
      <h2>{words(warnings.length >= MOST_LISTED ? "applications.list.most" : "applications.list", { count: warnings.length })}</h2>
      <Rows label={words("map.warnings")} columns={columns} rows={warnings} keyOf={(one) => one.warning_id} />
    </>
  );
}
