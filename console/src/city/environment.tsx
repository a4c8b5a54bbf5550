// What the site's sensors measured in the last hour: the newest of each quantity, and its course.

import { lazy, Suspense, useMemo, useState } from "react";

import type { Api } from "../api/client";
import { allDevices } from "../api/pages";
import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Table } from "../parts/table";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { type Course, coursesOf, type Observation } from "./observed";

const Plot = lazy(() => import("../parts/plot"));
const EVERY_MS = 10_000;
const HOUR_US = 3600e6;
const PAGE = 10_000;

async function lastHour(api: Api, site: Site, signal: AbortSignal): Promise<Course[]> {
  const sensors = new Set((await allDevices(api, { site: site.site_id, kind: "sensor" }, signal)).map((one) => one.device_id));
  const found: Observation[] = [];
  const fromUs = Math.round(Date.now() * 1000 - HOUR_US);
  for (let after: number | null | undefined = undefined; after !== null; ) {
    const page: { rows: Observation[]; next: number | null } = await api.get("/api/observations", { from_us: fromUs, limit: PAGE, after }, signal);
    found.push(...page.rows);
    after = page.next;
  }
  return coursesOf(found.filter((one) => sensors.has(one.device_id)));
}

/** A quantity by name; "visibility" is one, and a case of which too little is left. */
function useQuantities(): (quantity: string) => string {
  const words = useWords();
  const told = useTold();
  return (quantity) => (quantity === "visibility" ? words("environment.visibility") : told(quantity));
}

export function Environment({ site }: { site: Site }) {
  const words = useWords();
  const quantityIn = useQuantities();
  const { number, time } = useFormats();
  const [chosen, setChosen] = useState<string>();
  const loaded = useLoaded(`environment ${site.site_id}`, (api, signal) => lastHour(api, site, signal), EVERY_MS);
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  // As exactly as any of a row is: a count has no decimals.
  const measured = (one: Course, value: number) => number(value, [one.newest, one.least, one.most].every((each) => each === undefined || Number.isInteger(each)) ? 0 : 2);
  const course = loaded.value.find((one) => one.key === chosen) ?? loaded.value[0];
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      {course && <OverTime course={course} />}
      <Table
        label={words("city.environment")}
        heads={[words("environment.quantity"), words("health.column.device"), words("environment.newest"), words("environment.range"), words("register.column.heard"), words("environment.quality"), ""]}
        rows={loaded.value}
        keyOf={(one) => one.key}
        none={words("environment.none")}
        cells={(one) => [
          quantityIn(one.quantity),
          <code key="device">{one.device}</code>,
          one.newest === undefined ? "–" : `${measured(one, one.newest)} ${one.unit}`,
          one.least === undefined || one.most === undefined ? "–" : `${measured(one, one.least)} … ${measured(one, one.most)}`,
          time(one.atUs),
          one.quality || "–",
          <button key="plot" type="button" aria-pressed={one.key === course?.key} onClick={() => setChosen(one.key)}>
            {words("environment.plot")}
          </button>,
        ]}
      />
    </>
  );
}

function OverTime({ course }: { course: Course }) {
  const quantityIn = useQuantities();
  const { time } = useFormats();
  const name = quantityIn(course.quantity);
  const option = useMemo(
    () => ({
      xAxis: { type: "category", data: course.points.map(([us]) => time(us)) },
      yAxis: { type: "value", scale: true, name: course.unit },
      series: [{ type: "line", showSymbol: course.points.length < 40, name, data: course.points.map(([, value]) => value) }],
    }),
    [course, name, time],
  );
  return (
    <section className="card">
      <h2>
        {name} · {course.device}
      </h2>
      <Suspense fallback={<Loading />}>
        <Plot label={`${name} ${course.device}`} option={option} />
      </Suspense>
    </section>
  );
}
