// How fast a segment will be: the forecast with its interval.

import { lazy, Suspense, useMemo, useState } from "react";

import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { FailureNote, Loading } from "../layout/screens";
import { useFormats, useWords } from "../words/words";
import { type ForecastRow, newestOf } from "./forecast";

const Plot = lazy(() => import("../parts/plot"));
const EVERY_MS = 30_000;
const BACK_US = 900e6; // one is made every five minutes
const MOST = 50_000;
const KMH = 3.6;

export function Ahead({ site, first }: { site: Site; first: string | undefined }) {
  const words = useWords();
  const [chosen, setChosen] = useState<string>();
  const loaded = useLoaded(
    `forecast ${site.site_id}`,
    async (api, signal) => newestOf((await api.get<{ rows: readonly ForecastRow[] }>("/api/city/forecast", { site: site.site_id, from_us: Math.round(Date.now() * 1000 - BACK_US), limit: MOST }, signal)).rows),
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <FailureNote failure={loaded.failure} /> : <Loading />;
  const places = [...loaded.value.keys()].sort();
  if (!places.length) return <p className="faint">{words("city.forecast.none")}</p>;
  const place = [chosen, first].find((one) => one !== undefined && loaded.value?.has(one)) ?? places[0] ?? "";
  return (
    <section className="card" data-testid="forecast">
      <div className="row">
        <h2>{words("city.forecast")}</h2>
        <label className="inline">
          {words("city.segment")}
          <select value={place} onChange={(event) => setChosen(event.target.value)}>
            {places.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <Course rows={loaded.value.get(place) ?? []} />
    </section>
  );
}

function Course({ rows }: { rows: readonly ForecastRow[] }) {
  const words = useWords();
  const { time } = useFormats();
  const option = useMemo(() => {
    const line = (name: string, of: (row: ForecastRow) => number | null, type = "solid") => ({
      type: "line",
      name,
      symbolSize: 4,
      lineStyle: { type },
      data: rows.map((row) => {
        const value = of(row);
        return value === null ? null : value * KMH;
      }),
    });
    return {
      xAxis: { type: "category", data: rows.map((row) => time(row.time_us + row.ahead_s * 1e6).slice(0, 5)) },
      yAxis: { type: "value", min: 0 },
      series: [
        line(words("city.speed"), (row) => row.speed_mps),
        ...(rows.some((row) => row.low_mps !== null)
          ? [line(words("city.low"), (row) => row.low_mps, "dashed"), line(words("city.high"), (row) => row.high_mps, "dashed")]
          : []),
      ],
    };
  }, [rows, words, time]);
  return (
    <>
      <p className="faint small">{words(rows.some((row) => row.low_mps !== null) ? "city.forecast.by" : "city.forecast.simple", { method: rows[0]?.method ?? "–" })}</p>
      <Suspense fallback={<Loading />}>
        <Plot label={words("city.forecast")} option={option} hasLegend />
      </Suspense>
    </>
  );
}
