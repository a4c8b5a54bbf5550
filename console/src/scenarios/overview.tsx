// Tests that wait or run, and the runs that are kept; two of them can be picked to be compared.

import { useMemo, useState } from "react";

import type { Me, Site } from "../api/types";
import { useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { isOver, type Run, type Test } from "./api";
import { modeOf } from "./said";

const EVERY_MS = 2000;
const MOST = 500;

export function Overview({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const path = `/api/sites/${site.site_id}`;
  const loaded = useLoaded(
    `runs ${site.site_id}`,
    async (api, signal) => ({
      runs: (await api.get<{ runs: readonly Run[] }>(`${path}/runs`, { limit: MOST }, signal)).runs,
      tests: (await api.get<{ tests: readonly Test[] }>(`${path}/tests`, { limit: MOST }, signal)).tests,
    }),
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { runs, tests } = loaded.value;
  const isTester = hasRole(me, "tester", site.site_id);
  return (
    <div className="page whole">
      <div className="row">
        <h1>{words("runs.title")}</h1>
        <span className="end">
          {isTester ? (
            <a className="button main" href={writeRoute("scenarios", "new", { site: site.site_id })}>
              {words("runs.new")}
            </a>
          ) : (
            <span className="faint">{words("runs.needsRole")}</span>
          )}
        </span>
      </div>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <Open site={site} tests={tests.filter((one) => !isOver(one) || (one.state !== "done" && one.state !== "stopped")).slice(0, 5)} />
      {runs.length ? <Kept site={site} runs={runs} /> : <p className="faint">{words("runs.empty")}</p>}
    </div>
  );
}

/** Those first that somebody is waiting for, and those that came to nothing. */
function Open({ site, tests }: { site: Site; tests: readonly Test[] }) {
  const words = useWords();
  const { date } = useFormats();
  if (!tests.length) return null;
  return (
    <section className="card" aria-label={words("runs.tests")}>
      <h2>{words("runs.tests")}</h2>
      <ul className="lines">
        {tests.map((one) => (
          <li key={one.test_id}>
            <a href={writeRoute("scenarios", `test-${one.test_id}`, { site: site.site_id })}>{one.wanted.scenario}</a>{" "}
            <span className={`mark ${one.state === "failed" || one.state === "refused" ? "fail" : ""}`}>{words(`tests.state.${one.state}`)}</span>{" "}
            <span className="faint">
              {one.asked_by} · {date(one.asked)} {one.detail && `· ${one.detail}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Kept({ site, runs }: { site: Site; runs: readonly Run[] }) {
  const words = useWords();
  const told = useTold();
  const { date, number } = useFormats();
  const [picked, setPicked] = useState<readonly number[]>([]);
  const columns = useMemo<readonly Column<Run>[]>(() => {
    const pick = (run: number) => setPicked((before) => (before.includes(run) ? before.filter((one) => one !== run) : [...before, run].slice(-2)));
    return [
      {
        name: words("runs.pick"),
        width: "7rem",
        cell: (one) => <input type="checkbox" aria-label={words("runs.pick.one", { run: one.run_id })} checked={picked.includes(one.run_id)} onChange={() => pick(one.run_id)} />,
      },
      { name: words("runs.run"), width: "5rem", cell: (one) => <a href={writeRoute("scenarios", `run-${one.run_id}`, { site: site.site_id })}>{one.run_id}</a> },
      { name: words("runs.scenario"), width: "minmax(12rem, 2fr)", cell: (one) => told(one.title) || one.scenario },
      { name: words("runs.verdict"), width: "8rem", cell: (one) => <span className={`mark ${one.verdict}`}>{words(`verdict.${one.verdict}`)}</span> },
      { name: words("runs.build"), width: "minmax(7rem, 1fr)", cell: (one) => one.build || "–" },
      { name: words("runs.cases"), width: "5rem", cell: (one) => number(one.cases) },
      { name: words("runs.mode"), width: "7rem", cell: (one) => modeOf(one.mode, words) },
      { name: words("runs.began"), width: "13rem", cell: (one) => date(one.began) },
    ];
  }, [words, told, date, number, picked, site.site_id]);
  const [before, now] = [...picked].sort((one, two) => one - two);
  return (
    <>
      <div className="row">
        <h2>{words("runs.kept", { count: runs.length })}</h2>
        <span className="end">
          {before !== undefined && now !== undefined ? (
            <a className="button" href={writeRoute("scenarios", "compare", { site: site.site_id, before: String(before), now: String(now) })}>
              {words("runs.compare", { before, now })}
            </a>
          ) : (
            <span className="faint">{words("runs.pick.two")}</span>
          )}
        </span>
      </div>
      <Rows label={words("runs.title")} columns={columns} rows={runs} keyOf={(one) => String(one.run_id)} />
    </>
  );
}
