// The stored runs of scenario tests; choosing and running them comes later, and the page says so.

import { useLoaded } from "../api/use";
import { Failed, Loading, Screen } from "../layout/screens";
import { type Key, useFormats, useWords } from "../words/words";
import type { PageProps } from "./sections";

type Verdict = "pass" | "fail" | "skipped" | "error";
interface Run {
  readonly run_id: number;
  readonly scenario: string;
  readonly title: string;
  readonly mode: string;
  readonly began: string;
  readonly verdict: Verdict;
  readonly cases: number;
}

export default function ScenariosPage({ site }: PageProps) {
  const words = useWords();
  const { date, number } = useFormats();
  const runs = useLoaded(`runs ${site.site_id}`, (api, signal) =>
    api.get<{ runs: readonly Run[] }>(`/api/sites/${site.site_id}/runs`, {}, signal),
  );
  if (!runs.value) return runs.failure ? <Failed failure={runs.failure} retry={runs.reload} /> : <Loading />;
  if (!runs.value.runs.length)
    return (
      <Screen title={words("runs.empty")} kicker={words("section.scenarios")}>
        <p>
          <code>{words("runs.empty.more", { site: site.site_id })}</code>
        </p>
        <p className="faint">{words("runs.later")}</p>
      </Screen>
    );
  return (
    <div className="page">
      <h1>{words("runs.title")}</h1>
      <p className="faint">{words("runs.later")}</p>
      <table className="plain">
        <thead>
          <tr>
            {(["runs.scenario", "runs.verdict", "runs.mode", "runs.cases", "runs.began"] as const).map((key) => (
              <th key={key} scope="col">
                {words(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.value.runs.map((run) => (
            <tr key={run.run_id}>
              <th scope="row">{run.title || run.scenario}</th>
              <td>
                <span className={`mark ${run.verdict}`}>{words(`verdict.${run.verdict}` satisfies Key)}</span>
              </td>
              <td>{run.mode}</td>
              <td>{number(run.cases)}</td>
              <td>{date(run.began)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
