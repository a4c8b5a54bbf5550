// The verdict of a run with its evidence: each requirement over all cases, each case with its values, the report and the recordings.

import { lazy, Suspense, useMemo, useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { download } from "../parts/download";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { type Case, type Document, type Numeric, type Run, worstCase } from "./api";
import { caseName, constant, varying } from "./compare";
import { Playback } from "./playback";
import { useRequired } from "./required";
import { caseOf } from "./run";
import { modeOf, useSaid } from "./said";

const Plot = lazy(() => import("../parts/plot"));

/** isPlaying: whether its playback begins by itself, for who has waited for it. */
export function RunVerdict({ me, site, runId, isPlaying }: { me: Me; site: Site; runId: string; isPlaying: boolean }) {
  const words = useWords();
  const told = useTold();
  const { date, number } = useFormats();
  const path = `/api/sites/${site.site_id}/runs/${encodeURIComponent(runId)}`;
  const isTester = hasRole(me, "tester", site.site_id);
  const run = useLoaded(`run ${site.site_id} ${runId}`, (api, signal) => api.get<Run>(path, {}, signal));
  if (!run.value) return run.failure ? <Failed failure={run.failure} retry={run.reload} /> : <Loading />;
  const one = run.value;
  const outcomes = Object.entries(one.outcomes).map(([verdict, count]) => `${words(`verdict.${verdict as "pass"}`)} ${number(count)}`);
  return (
    <div className="page">
      <p>
        <a href={writeRoute("scenarios", "", { site: site.site_id })}>{words("runs.back")}</a>
      </p>
      <h1 data-testid="verdict" data-verdict={one.verdict}>
        {told(one.title) || one.scenario} <span className={`mark ${one.verdict}`}>{words(`verdict.${one.verdict}`)}</span>
      </h1>
      <p>
        {words("runs.about", { run: one.run_id, cases: number(one.cases), outcomes: outcomes.join(", ") })}
        {one.build && ` · ${one.build}`} · {modeOf(one.mode, words)} · {one.kept_by} · {date(one.began)}
      </p>
      <Requirements run={one} />
      {isTester ? <Evidence site={site} run={one} path={path} isPlaying={isPlaying} /> : <p className="faint">{words("runs.evidence.needsRole")}</p>}
      <p className="faint small">
        {Object.entries({ ...one.versions, ...one.hashes })
          .map(([name, value]) => `${name} ${value.slice(0, 12)}`)
          .join(" · ")}
      </p>
    </div>
  );
}

function Requirements({ run }: { run: Run }) {
  const words = useWords();
  const required = useRequired();
  const said = useSaid();
  const { number } = useFormats();
  return (
    <section className="card">
      <h2>{words("runs.requirements")}</h2>
      <table className="plain">
        <thead>
          <tr>
            {(["runs.requirement", "runs.outcomes", "runs.value", "runs.limit", "runs.margin", "runs.case"] as const).map((key) => (
              <th key={key} scope="col">
                {words(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {run.requirements.map((one, at) => (
            <tr key={at}>
              <th scope="row">
                {required(one.title)}
                {one.clause && <div className="faint small">{one.clause}</div>}
              </th>
              <td>
                {Object.entries(one.outcomes).map(([verdict, count]) => (
                  <span key={verdict} className={`mark ${verdict}`}>
                    {words(`verdict.${verdict as "pass"}`)} {number(count)}
                  </span>
                ))}
              </td>
              <td>{said(one.value, one.unit)}</td>
              <td>{said(one.limit, one.unit)}</td>
              <td>{said(one.margin, one.unit)}</td>
              <td>{one.case}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Evidence({ site, run, path, isPlaying }: { site: Site; run: Run; path: string; isPlaying: boolean }) {
  const words = useWords();
  const api = useApi();
  const [failure, setFailure] = useState<Failure>();
  const loaded = useLoaded(`evidence ${site.site_id} ${run.run_id}`, async (api, signal) => ({
    document: await api.get<Document>(`${path}/document`, {}, signal),
    files: (await api.get<{ files: readonly { name: string; bytes: number }[] }>(`${path}/evidence`, {}, signal)).files,
  }));
  const { number } = useFormats();
  if (!loaded.value) return loaded.failure ? <FailureNote failure={loaded.failure} /> : <Loading />;
  const { document, files } = loaded.value;
  const worst = worstCase(run);
  const cases = files.flatMap(({ name }) => caseOf(name) ?? []).sort((one, other) => Number(other === worst) - Number(one === worst));
  return (
    <>
      {cases.length > 0 && <Playback site={site} runId={run.run_id} cases={cases} isPlaying={isPlaying} />}
      <section className="card">
        <h2>{words("runs.evidence")}</h2>
        {failure && <FailureNote failure={failure} />}
        {!files.length && <p>{run.evidence ? words("runs.evidence.elsewhere", { place: run.evidence }) : words("runs.evidence.none")}</p>}
        <p className="row" data-testid="evidence">
          {files.filter(({ name }) => caseOf(name) === undefined).map(({ name, bytes }) => (
            <button
              key={name}
              type="button"
              onClick={() => void download(api, `${path}/evidence/${name}`, `run-${run.run_id}-${name}`).catch((error: unknown) => setFailure(asFailure(error)))}
            >
              {name === "report.html" ? words("runs.report") : name} ({number(bytes / 1024)} kB)
            </button>
          ))}
        </p>
      </section>
      {document.each.length > 1 && <Margins document={document} />}
      <Cases document={document} />
    </>
  );
}

/** Each requirement's margin in each case: below 0 where it was not met. */
function Margins({ document }: { document: Document }) {
  const words = useWords();
  const required = useRequired();
  const option = useMemo(
    () => ({
      xAxis: { type: "category", name: words("runs.case"), data: document.each.map((one) => String(one.run)) },
      yAxis: { type: "value" },
      series: document.requirements.map(({ title, unit }, at) => ({
        type: "line",
        symbolSize: 5,
        name: nameOf(required(title), unit),
        data: document.each.map((one) => finite(one.requirements[at]?.margin ?? null)),
      })),
    }),
    [document, words, required],
  );
  return (
    <section className="card">
      <h2>{words("runs.margins")}</h2>
      <Suspense fallback={<Loading />}>
        <Plot label={words("runs.margins")} option={option} hasLegend />
      </Suspense>
    </section>
  );
}

/** A line's name with the unit, unless it has it already. */
function nameOf(title: string, unit: string): string {
  return !unit || title.includes(unit) ? title : `${title} (${unit})`;
}

function finite(value: Numeric): number | null {
  return typeof value === "number" ? value : null;
}

function Cases({ document }: { document: Document }) {
  const words = useWords();
  const said = useSaid();
  const required = useRequired();
  const named = useMemo(() => varying(document.each), [document]);
  const columns = useMemo<readonly Column<Case>[]>(
    () => [
      { name: words("runs.case"), width: "4rem", cell: (one) => one.run },
      { name: words("runs.verdict"), width: "8rem", cell: (one) => <span className={`mark ${one.verdict}`}>{words(`verdict.${one.verdict}`)}</span> },
      { name: words("runs.parameters"), width: "minmax(10rem, 1.4fr)", cell: (one) => <span title={caseName(one)}>{caseName(one, named) || "–"}</span> },
      ...document.requirements.map(({ title, unit }, at) => ({
        name: required(title),
        width: "minmax(8rem, 1fr)",
        cell: (one: Case) => {
          const judged = one.requirements[at];
          return judged && <span title={judged.reason ?? ""}>{judged.verdict === "skipped" || judged.verdict === "error" ? judged.reason : said(judged.value, unit)}</span>;
        },
      })),
    ],
    [words, said, required, named, document],
  );
  return (
    <>
      <h2>{words("runs.cases")}</h2>
      {constant(document.each) && <p className="faint">{words("compare.everywhere", { values: constant(document.each) })}</p>}
      <div className="some">
        <Rows label={words("runs.cases")} columns={columns} rows={document.each} keyOf={(one) => String(one.run)} />
      </div>
    </>
  );
}
