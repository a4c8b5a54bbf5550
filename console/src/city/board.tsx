// The event board: what has to be decided first, then the cases that are not over; a new one by hand.

import { useMemo, useState } from "react";

import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Position } from "../parts/asked";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { shortened, useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { type Case, type Proposal, severityMark } from "./cases";
import { Proposals } from "./proposals";

const EVERY_MS = 2000;
const MOST = 1000;

export function Board({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [isAll, setAll] = useState(false);
  const [isAdding, setAdding] = useState(false);
  const path = `/api/sites/${site.site_id}`;
  const loaded = useLoaded(
    `board ${site.site_id} ${isAll}`,
    async (api, signal) => ({
      cases: (await api.get<{ cases: readonly Case[] }>(`${path}/cases`, { which: isAll ? "all" : "open", limit: MOST }, signal)).cases,
      proposals: (await api.get<{ proposals: readonly Proposal[] }>(`${path}/proposals`, { state: "proposed", limit: MOST }, signal)).proposals,
    }),
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { cases, proposals } = loaded.value;
  const isOperator = hasRole(me, "operator", site.site_id);
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      {proposals.length > 0 && (
        <section className="card">
          <h2>{words("board.toDecide")}</h2>
          <Proposals site={site} proposals={proposals} isOperator={isOperator} done={loaded.reload} hasCase />
        </section>
      )}
      <div className="row">
        <h2>{words("board.cases", { count: cases.length })}</h2>
        <label className="inline">
          <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.target.checked)} />
          {words("board.all")}
        </label>
        <span className="end">
          <button type="button" className="main" disabled={!isOperator} title={isOperator ? undefined : words("operations.needsRole")} onClick={() => setAdding(true)}>
            {words("board.open")}
          </button>
        </span>
      </div>
      {cases.length ? <Cases site={site} cases={cases} /> : <p className="faint">{words("board.none")}</p>}
      {isAdding && <Open path={path} close={() => setAdding(false)} done={loaded.reload} />}
    </>
  );
}

function Cases({ site, cases }: { site: Site; cases: readonly Case[] }) {
  const words = useWords();
  const told = useTold();
  const { date } = useFormats();
  const columns = useMemo<readonly Column<Case>[]>(
    () => [
      { name: words("board.number"), width: "5rem", cell: (one) => <a href={writeRoute("city", `case-${one.case_id}`, { site: site.site_id })}>{one.case_id}</a> },
      { name: words("alarms.severity"), width: "8rem", cell: (one) => <span className={`mark ${severityMark(one.severity)}`}>{words(`alarms.${one.severity}`)}</span> },
      { name: words("board.what"), width: "minmax(12rem, 2fr)", cell: (one) => <span title={one.title}>{shortened(told(one.title || one.kind))}</span> },
      { name: words("board.where"), width: "minmax(8rem, 1fr)", cell: (one) => shortened(told(one.spot)) || (one.latitude_deg === null ? "–" : `${one.latitude_deg.toFixed(4)}, ${one.longitude_deg?.toFixed(4) ?? ""}`) },
      { name: words("people.state"), width: "8rem", cell: (one) => words(`board.state.${one.state}`) },
      { name: words("board.duty"), width: "minmax(7rem, 1fr)", cell: (one) => one.duty ?? "–" },
      { name: words("board.signs"), width: "6rem", cell: (one) => `${one.going_on} / ${one.signs}` },
      { name: words("board.opened"), width: "13rem", cell: (one) => date(one.opened) },
    ],
    [words, told, date, site.site_id],
  );
  return <Rows label={words("city.board")} columns={columns} rows={cases} keyOf={(one) => String(one.case_id)} />;
}

function Open({ path, close, done }: { path: string; close: () => void; done: () => void }) {
  const words = useWords();
  const told = useTold();
  const api = useApi();
  const kinds = useLoaded("case kinds", (api, signal) => api.get<readonly { readonly name: string; readonly reportable: readonly string[] }[]>("/api/case-kinds", {}, signal));
  async function send(form: Form) {
    const [latitude, longitude] = [form.number("latitude_deg"), form.number("longitude_deg")];
    const place = latitude === undefined || longitude === undefined ? {} : { place: { latitude_deg: latitude, longitude_deg: longitude } };
    const duty = form.some("duty");
    await api.send("POST", `${path}/cases`, { kind: form.text("kind"), text: form.text("text"), spot: form.text("spot"), ...place, ...(duty ? { duty } : {}) });
    done();
  }
  return (
    <Ask title={words("board.open")} action={words("board.open")} send={send} close={close}>
      <label>
        {words("board.what")}
        <select name="kind">
          {(kinds.value ?? []).flatMap((kind) => kind.reportable).map((one) => (
            <option key={one} value={one}>
              {told(one)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words("board.text")}
        <input name="text" maxLength={200} />
      </label>
      <label>
        {words("board.spot")}
        <input name="spot" />
      </label>
      <Position />
      <label>
        {words("board.duty")}
        <input name="duty" maxLength={200} />
      </label>
    </Ask>
  );
}
