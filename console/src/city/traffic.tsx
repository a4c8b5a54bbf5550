// Traffic: the network's index in time, and every segment by how fast it is, with what that rests on.

import { lazy, Suspense, useMemo } from "react";

import type { Api } from "../api/client";
import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { useFormats, useWords } from "../words/words";
import { Ahead } from "./ahead";
import { doubtsOf, shareOf, slowestFirst, type StateRow } from "./state";

const Plot = lazy(() => import("../parts/plot"));
const EVERY_MS = 5000;
const KMH = 3.6;
const PAGE = 20_000;
const SHOWN_US = 3600e6; // of the network
const NEWEST_US = 180e6; // of segments: a minute's rows come when the minute is over

async function rowsOf(api: Api, site: string, scope: string, backUs: number, signal: AbortSignal): Promise<StateRow[]> {
  const found: StateRow[] = [];
  for (let after: number | null | undefined = undefined; after !== null; ) {
    const page: { rows: StateRow[]; next: number | null } = await api.get(
      "/api/city/state",
      { site, scope, period: 60, from_us: Math.round(Date.now() * 1000 - backUs), limit: PAGE, after },
      signal,
    );
    found.push(...page.rows);
    after = page.next;
  }
  return found;
}

export function Traffic({ site }: { site: Site }) {
  const words = useWords();
  const loaded = useLoaded(
    `city ${site.site_id}`,
    async (api, signal) => ({
      network: await rowsOf(api, site.site_id, "network", SHOWN_US, signal),
      segments: slowestFirst(await rowsOf(api, site.site_id, "segment", NEWEST_US, signal)),
    }),
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { network, segments } = loaded.value;
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      {network.length ? <Network rows={network} /> : <p className="faint">{words("city.traffic.none")}</p>}
      {segments.length > 0 && <Ahead site={site} first={segments[0]?.place} />}
      {segments.length > 0 && <Segments rows={segments} />}
    </>
  );
}

function Network({ rows }: { rows: readonly StateRow[] }) {
  const words = useWords();
  const { number, time } = useFormats();
  const last = rows.at(-1);
  const option = useMemo(
    () => ({
      xAxis: { type: "category", data: rows.map((row) => time(row.time_us).slice(0, 5)) },
      yAxis: [{ type: "value" }, { type: "value", min: 0, max: 10 }],
      series: [
        { type: "line", symbolSize: 5, name: words("city.speed"), data: rows.map((row) => (row.mean_speed_mps === null ? null : row.mean_speed_mps * KMH)) },
        { type: "line", symbolSize: 5, yAxisIndex: 1, name: words("city.index"), data: rows.map((row) => row.index) },
      ],
    }),
    [rows, words, time],
  );
  const known = (value: number | null | undefined, digits: number, unit = "") => (value === null || value === undefined ? "–" : `${number(value, digits)} ${unit}`);
  return (
    <section className="card" data-testid="network">
      <h2>{words("city.network")}</h2>
      <p>
        {words("city.index")} <strong>{known(last?.index, 1)}</strong> · {words("city.speed")} {known(last?.mean_speed_mps && last.mean_speed_mps * KMH, 0)} ·{" "}
        {words("city.vehicles")} {known(last?.vehicles, 0)} · <Doubts bits={last?.doubt ?? 0} />
      </p>
      <Suspense fallback={<Loading />}>
        <Plot label={words("city.network")} option={option} hasLegend />
      </Suspense>
    </section>
  );
}

function Doubts({ bits }: { bits: number }) {
  const words = useWords();
  const found = doubtsOf(bits);
  return <span className="faint">{found.map((one) => words(`city.doubt.${one}`)).join(", ") || words("city.doubt.no")}</span>;
}

function Segments({ rows }: { rows: readonly StateRow[] }) {
  const words = useWords();
  const { number, time } = useFormats();
  const columns = useMemo<readonly Column<StateRow>[]>(() => {
    const known = (value: number | null, digits = 0) => (value === null ? "–" : number(value, digits));
    return [
      { name: words("city.segment"), width: "minmax(9rem, 1fr)", cell: (row) => <code>{row.place}</code> },
      { name: words("city.speed"), width: "9.5rem", cell: (row) => known(row.mean_speed_mps === null ? null : row.mean_speed_mps * KMH) },
      {
        name: words("city.share"),
        width: "10rem",
        cell: (row) => {
          const share = shareOf(row);
          if (share === undefined) return "–";
          return (
            <>
              <meter aria-label={words("city.share")} min={0} low={0.4} high={0.7} optimum={1} max={1} value={Math.min(share, 1)} /> {number(share * 100)} %
            </>
          );
        },
      },
      { name: words("city.level"), width: "8.5rem", cell: (row) => <span className={`mark ${row.level >= 4 ? "offline" : row.level === 3 ? "impaired" : row.level ? "healthy" : ""}`}>{words(`city.level.${row.level as 1}`)}</span> },
      { name: words("city.vehicles"), width: "7rem", cell: (row) => known(row.vehicles, 1) },
      { name: words("city.flow"), width: "6.5rem", cell: (row) => known(row.flow_vph) },
      { name: words("city.queue"), width: "6rem", cell: (row) => known(row.queue_most_vehicles) },
      { name: words("city.doubts"), width: "minmax(10rem, 2fr)", cell: (row) => <Doubts bits={row.doubt} /> },
      { name: words("city.until"), width: "6rem", cell: (row) => time(row.time_us) },
    ];
  }, [words, number, time]);
  return (
    <>
      <h2>{words("city.segments", { count: rows.length })}</h2>
      <div className="some">
        <Rows label={words("city.traffic")} columns={columns} rows={rows} keyOf={(row) => row.place} />
      </div>
    </>
  );
}
