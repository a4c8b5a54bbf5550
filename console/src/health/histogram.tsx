// How many devices have how much of something, as bars.

import { lazy, Suspense, useMemo } from "react";

import { Loading } from "../layout/screens";
import { useWords } from "../words/words";
import type { Bin } from "./figures";

const Plot = lazy(() => import("../parts/plot"));

/** bins: in ms; none: what is said where nothing was measured. */
export function Histogram({ title, bins, none }: { title: string; bins: readonly Bin[]; none: string }) {
  const words = useWords();
  const option = useMemo(
    () => ({
      xAxis: { type: "category", data: bins.map((bin) => bin.name), name: words("unit.ms"), nameLocation: "end", nameGap: 2, axisLabel: { interval: 0, fontSize: 10, rotate: 30 } },
      yAxis: { type: "value", minInterval: 1, name: words("health.latencies.axis") },
      grid: { left: 36, right: 40, top: 30, bottom: 40 },
      series: [{ type: "bar", data: bins.map((bin) => bin.count), barCategoryGap: "15%" }],
    }),
    [bins, words],
  );
  const some = bins.filter((bin) => bin.count);
  return (
    <section className="card">
      <h2>{title}</h2>
      {some.length ? (
        <Suspense fallback={<Loading />}>
          <Plot label={`${title}: ${some.map((bin) => `${bin.name} ${words("unit.ms")}: ${bin.count}`).join(", ")}`} option={option} />
        </Suspense>
      ) : (
        <p className="faint">{none}</p>
      )}
    </section>
  );
}
