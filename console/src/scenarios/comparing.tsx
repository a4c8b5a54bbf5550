// Two runs held against each other: what the later one made better or worse.

import { useMemo } from "react";

import type { Me, Site } from "../api/types";
import { useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, Loading, NoRights } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";
import type { Document, Verdict } from "./api";
import { caseName, compared, constant, type Difference, varying } from "./compare";
import { useRequired } from "./required";

const CHANGES = ["worse", "better", "new", "gone", "same"] as const;

export function Compare({ me, site, before, now }: { me: Me; site: Site; before: string; now: string }) {
  return hasRole(me, "tester", site.site_id) ? <Both site={site} before={before} now={now} /> : <NoRights me={me} role="tester" site={site.site_id} />;
}

function Both({ site, before, now }: { site: Site; before: string; now: string }) {
  const words = useWords();
  const { number } = useFormats();
  const path = (run: string) => `/api/sites/${site.site_id}/runs/${encodeURIComponent(run)}/document`;
  const documents = useLoaded(`compare ${site.site_id} ${before} ${now}`, async (api, signal) => [await api.get<Document>(path(before), {}, signal), await api.get<Document>(path(now), {}, signal)] as const);
  const required = useRequired();
  const found = useMemo(() => documents.value && { ...compared(...documents.value), cases: documents.value.flatMap(({ each }) => each) }, [documents.value]);
  const named = useMemo(() => varying(found?.cases ?? []), [found]);
  const columns = useMemo<readonly Column<Difference>[]>(() => {
    const mark = (verdict: Verdict | undefined) => (verdict ? <span className={`mark ${verdict}`}>{words(`verdict.${verdict}`)}</span> : "–");
    const margin = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? "–" : number(value, 2));
    return [
      { name: words("compare.change"), width: "7rem", cell: (one) => words(`compare.${one.change}`) },
      { name: words("runs.parameters"), width: "minmax(10rem, 1fr)", cell: (one) => <span title={one.case}>{caseName(one, named) || "–"}</span> },
      { name: words("runs.requirement"), width: "minmax(18rem, 2fr)", cell: (one) => <span title={required(one.requirement)}>{required(one.requirement)}</span> },
      { name: words("compare.before"), width: "8rem", cell: (one) => mark(one.before) },
      { name: words("compare.now"), width: "8rem", cell: (one) => mark(one.now) },
      { name: words("compare.margins"), width: "10rem", cell: (one) => `${margin(one.marginBefore)} → ${margin(one.marginNow)}` },
    ];
  }, [words, number, required, named]);
  if (!found) return documents.failure ? <Failed failure={documents.failure} retry={documents.reload} /> : <Loading />;
  return (
    <div className="page whole">
      <p>
        <a href={writeRoute("scenarios", "", { site: site.site_id })}>{words("runs.back")}</a>
      </p>
      <h1>{words("compare.title", { before, now })}</h1>
      <p data-testid="comparison">{CHANGES.map((change) => `${words(`compare.${change}`)} ${number(found.counts[change])}`).join(" · ")}</p>
      {constant(found.cases) && <p className="faint">{words("compare.everywhere", { values: constant(found.cases) })}</p>}
      {found.differences.length ? (
        <Rows label={words("compare.title", { before, now })} columns={columns} rows={found.differences} keyOf={(one) => one.key} />
      ) : (
        <p className="faint">{words("compare.none")}</p>
      )}
    </div>
  );
}
