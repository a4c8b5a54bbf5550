// How the site's devices do: who is alive, what comes of them, how late, and what is wrong.

import { lazy, Suspense, useMemo, useState } from "react";

import { allHealth } from "../api/pages";
import type { DeviceHealth, Status } from "../api/types";
import { useLoaded } from "../api/use";
import { Failed, headline, Loading, Screen } from "../layout/screens";
import type { PageProps } from "../pages/sections";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";
import { bins, countByKind, STATUSES } from "./figures";
import { TrafficCard } from "./traffic";

const Plot = lazy(() => import("../parts/plot"));
const EVERY_MS = 2000;

export default function HealthPage({ me, site }: PageProps) {
  const words = useWords();
  const [status, setStatus] = useState<Status | "">("");
  const health = useLoaded(`health ${site.site_id}`, (api, signal) => allHealth(api, { site: site.site_id }, signal), EVERY_MS);
  const columns = useColumns();
  if (!health.value) return health.failure ? <Failed failure={health.failure} retry={health.reload} /> : <Loading />;
  if (!health.value.length) return <Screen title={words("health.empty")} kicker={words("section.health")} />;
  const shown = status ? health.value.filter((one) => one.status === status) : health.value;
  return (
    <div className="page whole">
      <h1>{words("section.health")}</h1>
      {health.failure && <p className="note">{words("app.refreshing", { reason: headline(health.failure, words) })}</p>}
      <div className="cards">
        <Alive devices={health.value} />
        <Latencies devices={health.value} />
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
    </div>
  );
}

function Alive({ devices }: { devices: readonly DeviceHealth[] }) {
  const words = useWords();
  const { number } = useFormats();
  return (
    <section className="card">
      <h2>{words("health.alive")}</h2>
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
              <th scope="row">{kind === "all" ? words("health.total") : kind}</th>
              {STATUSES.map((status) => (
                <td key={status} className="number">
                  {counts[status] ? <span className={`mark ${status}`}>{number(counts[status])}</span> : "0"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Latencies({ devices }: { devices: readonly DeviceHealth[] }) {
  const words = useWords();
  const found = useMemo(() => bins(devices.flatMap((one) => (one.latency_ms === null ? [] : [one.latency_ms]))), [devices]);
  const option = useMemo(
    () => ({
      xAxis: { type: "category", data: found.map((bin) => bin.name), name: words("unit.ms"), nameLocation: "end", nameGap: 2 },
      yAxis: { type: "value", minInterval: 1, name: words("health.latencies.axis") },
      grid: { left: 36, right: 40, top: 30, bottom: 24 },
      series: [{ type: "bar", data: found.map((bin) => bin.count), barCategoryGap: "15%" }],
    }),
    [found, words],
  );
  const hasAny = found.some((bin) => bin.count);
  const told = found.filter((bin) => bin.count).map((bin) => `${bin.name} ${words("unit.ms")}: ${bin.count}`);
  return (
    <section className="card">
      <h2>{words("health.latencies")}</h2>
      {hasAny ? (
        <Suspense fallback={<Loading />}>
          <Plot label={`${words("health.latencies")}: ${told.join(", ")}`} option={option} />
        </Suspense>
      ) : (
        <p className="faint">{words("health.latencies.none")}</p>
      )}
    </section>
  );
}

function useColumns(): readonly Column<DeviceHealth>[] {
  const words = useWords();
  const { number, time } = useFormats();
  return useMemo(() => {
    const measured = (value: number | null, digits: number, unit: string) => (value === null ? "–" : `${number(value, digits)} ${unit}`);
    return [
      { name: words("health.column.device"), width: "minmax(9rem, 1.2fr)", cell: (one) => <code>{one.device_id}</code> },
      {
        name: words("register.column.status"),
        width: "8rem",
        cell: (one) => <span className={`mark ${one.status}`}>{words(`status.${one.status}`)}</span>,
      },
      { name: words("register.column.heard"), width: "6.5rem", cell: (one) => (one.heard_us ? time(one.heard_us) : "–") },
      {
        name: words("health.column.rates"),
        width: "minmax(9rem, 1.4fr)",
        cell: (one) => Object.entries(one.rates_hz).map(([stream, hz]) => `${stream} ${number(hz, 1)}`).join(", ") || "–",
      },
      { name: words("health.column.latency"), width: "7rem", cell: (one) => measured(one.latency_ms, 1, words("unit.ms")) },
      { name: words("health.column.skew"), width: "7rem", cell: (one) => measured(one.skew_s, 3, words("unit.s")) },
      {
        name: words("health.column.loss"),
        width: "6rem",
        cell: (one) => (one.lost_share === null ? "–" : `${number(one.lost_share * 100, 1)} %`),
      },
      { name: words("health.column.problems"), width: "minmax(8rem, 1.6fr)", cell: (one) => one.problems.join(", ") || one.reason || "–" },
    ];
  }, [words, number, time]);
}
