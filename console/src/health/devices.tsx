// How the site's devices do: who is alive, what comes of them beside what should, how late, and what is wrong.

import { useMemo, useState } from "react";

import { allHealth } from "../api/pages";
import type { DeviceHealth, Me, Site, Status } from "../api/types";
import { useLoaded } from "../api/use";
import { Failed, headline, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { countByKind, latencyBins, ratesOf, skewBins, STATUSES } from "./figures";
import { Histogram } from "./histogram";
import { TrafficCard } from "./traffic";

const EVERY_MS = 2000;
const MS_PER_S = 1000;

export function DevicesHealth({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [status, setStatus] = useState<Status | "">("");
  const health = useLoaded(`health ${site.site_id}`, (api, signal) => allHealth(api, { site: site.site_id }, signal), EVERY_MS);
  const columns = useColumns();
  const latencies = useMemo(() => latencyBins((health.value ?? []).flatMap((one) => (one.latency_ms === null ? [] : [one.latency_ms]))), [health.value]);
  const skews = useMemo(() => skewBins((health.value ?? []).flatMap((one) => (one.skew_s === null ? [] : [one.skew_s * MS_PER_S]))), [health.value]);
  if (!health.value) return health.failure ? <Failed failure={health.failure} retry={health.reload} /> : <Loading />;
  if (!health.value.length) return <p className="faint">{words("health.empty")}</p>;
  const shown = status ? health.value.filter((one) => one.status === status) : health.value;
  return (
    <>
      {health.failure && <p className="note">{words("app.refreshing", { reason: headline(health.failure, words) })}</p>}
      <div className="cards alive">
        <Alive devices={health.value} />
        <Histogram title={words("health.latencies")} bins={latencies} none={words("health.latencies.none")} />
        <Histogram title={words("health.skews")} bins={skews} none={words("health.skews.none")} />
        {hasRole(me, "tester", null) && <TrafficCard />}
      </div>
      <div className="row">
        <label className="inline">
          {words("health.filter")}
          <select value={status} onChange={(event) => setStatus(event.target.value as Status | "")}>
            <option value="">{words("health.filter.any")}</option>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {words(`status.${one}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Rows label={words("section.health")} columns={columns} rows={shown} keyOf={(one) => one.device_id} />
    </>
  );
}

function Alive({ devices }: { devices: readonly DeviceHealth[] }) {
  const words = useWords();
  const told = useTold();
  const { number } = useFormats();
  return (
    <section className="card">
      <h2>{words("health.alive")}</h2>
      <div className="wide" role="region" aria-label={words("health.alive")} tabIndex={0}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{words("register.column.kind")}</th>
              {STATUSES.map((status) => (
                <th key={status} scope="col" className="number">
                  {words(`status.${status}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {countByKind(devices).map(({ kind, counts }) => (
              <tr key={kind}>
                <th scope="row">{kind === "all" ? words("health.total") : told(kind)}</th>
                {STATUSES.map((status) => (
                  <td key={status} className="number">
                    {counts[status] ? <span className={`mark ${status}`}>{number(counts[status])}</span> : "0"}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What comes of each stream, beside what has to where that is known. */
function Rates({ one }: { one: DeviceHealth }) {
  const words = useWords();
  const { number } = useFormats();
  const rates = ratesOf(one);
  if (!rates.length) return "–";
  return rates.map(({ stream, hz, expectedHz, isLow }, at) => {
    const said = expectedHz === undefined ? `${stream} ${number(hz, 1)}` : words("health.rate", { stream, hz: number(hz, 1), expected: number(expectedHz, 1) });
    return (
      <span key={stream} className={isLow ? "mark impaired" : ""}>
        {at > 0 && !isLow ? `, ${said}` : said}
      </span>
    );
  });
}

function useColumns(): readonly Column<DeviceHealth>[] {
  const words = useWords();
  const told = useTold();
  const { number, time } = useFormats();
  return useMemo(() => {
    const measured = (value: number | null, digits: number, unit: string) => (value === null ? "–" : `${number(value, digits)} ${unit}`);
    return [
      { name: words("health.column.device"), width: "minmax(9rem, 1.2fr)", cell: (one) => <code>{one.device_id}</code> },
      {
        name: words("register.column.status"),
        width: "9.5rem",
        cell: (one) => <span className={`mark ${one.status}`}>{words(`status.${one.status}`)}</span>,
      },
      { name: words("register.column.heard"), width: "6.5rem", cell: (one) => (one.heard_us ? time(one.heard_us) : "–") },
      { name: words("health.column.rates"), width: "minmax(12rem, 1.6fr)", cell: (one) => <Rates one={one} /> },
      { name: words("health.column.latency"), width: "8rem", cell: (one) => measured(one.latency_ms, 1, words("unit.ms")) },
      { name: words("health.column.skew"), width: "7rem", cell: (one) => measured(one.skew_s, 3, words("unit.s")) },
      {
        name: words("health.column.loss"),
        width: "6rem",
        cell: (one) => (one.lost_share === null ? "–" : `${number(one.lost_share * 100, 1)} %`),
      },
      {
        name: words("health.column.problems"),
        width: "minmax(8rem, 1.6fr)",
        cell: (one) => {
          const problems = one.problems.map(told).join(", ") || one.reason || "–";
          return <span title={problems}>{problems}</span>;
        },
      },
    ];
  }, [words, told, number, time]);
}
