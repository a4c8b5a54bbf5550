// One case: what it is made of, what is proposed, who did what when; and what becomes of it.

import { useState } from "react";

import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask } from "../parts/ask";
import { Table } from "../parts/table";
import { hasRole } from "../session/session";
import { shortened, useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { happenedOf } from "./acts";
import { NEXT, severityMark, type Whole } from "./cases";
import { Proposals } from "./proposals";

const EVERY_MS = 2000;

export function CaseWhole({ me, site, caseId }: { me: Me; site: Site; caseId: string }) {
  const words = useWords();
  const told = useTold();
  const { date } = useFormats();
  const path = `/api/sites/${site.site_id}/cases/${encodeURIComponent(caseId)}`;
  const loaded = useLoaded(`case ${site.site_id} ${caseId}`, (api, signal) => api.get<Whole>(path, {}, signal), EVERY_MS);
  const one = loaded.value;
  if (!one) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const isOperator = hasRole(me, "operator", site.site_id);
  return (
    <div data-testid="case" data-state={one.state}>
      <p>
        <a href={writeRoute("city", "board", { site: site.site_id })}>{words("board.back")}</a>
      </p>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <h2>
        {words("board.case", { number: one.case_id })}: {shortened(told(one.title || one.kind))} <span className={`mark ${severityMark(one.severity)}`}>{words(`alarms.${one.severity}`)}</span>{" "}
        <span className="mark">{words(`board.state.${one.state}`)}</span>
      </h2>
      <p className="faint">
        {[shortened(told(one.spot)), one.duty, date(one.opened)].filter(Boolean).join(" · ")}
      </p>
      {isOperator && NEXT[one.state].length > 0 && <Change path={path} state={one.state} done={loaded.reload} />}
      <section className="card">
        <h2>{words("board.proposals")}</h2>
        <Proposals site={site} proposals={one.proposed} isOperator={isOperator} done={loaded.reload} />
      </section>
      <section className="card">
        <h2>{words("board.signs")}</h2>
        <Table
          label={words("board.signs")}
          heads={[words("board.what"), words("board.source"), words("board.opened"), words("board.ended"), words("board.text")]}
          rows={one.made_of}
          keyOf={(sign) => sign.sign_id}
          none="–"
          cells={(sign) => [told(sign.kind), told(sign.source), date(sign.at), sign.ended ? date(sign.ended) : words("board.goingOn"), shortened(told(sign.text || sign.spot)) || "–"]}
        />
      </section>
      <section className="card">
        <h2>{words("board.history")}</h2>
        <Table
          label={words("board.history")}
          heads={[words("register.audit.when"), words("register.audit.who"), words("register.audit.action"), words("board.text")]}
          rows={one.history}
          keyOf={(event) => event.event_id}
          none="–"
          cells={(event) => {
            const [what, more] = happenedOf(event, words, told);
            return [date(event.at), told(event.actor), what, shortened(more) || "–"];
          }}
        />
      </section>
    </div>
  );
}

function Change({ path, state, done }: { path: string; state: Whole["state"]; done: () => void }) {
  const words = useWords();
  const api = useApi();
  const [next, setNext] = useState<Whole["state"]>();
  return (
    <p className="row">
      {NEXT[state].map((one) => (
        <button key={one} type="button" onClick={() => setNext(one)}>
          {words(`board.to.${one as "acting"}`)}
        </button>
      ))}
      {next && (
        <Ask
          title={words(`board.to.${next as "acting"}`)}
          action={words(`board.to.${next as "acting"}`)}
          send={(form) => {
            const duty = form.some("duty");
            return api.send("PATCH", path, { state: next, comment: form.text("comment"), ...(duty ? { duty } : {}) }).then(done);
          }}
          close={() => setNext(undefined)}
        >
          {next === "acting" && (
            <label>
              {words("board.duty")}
              <input name="duty" required maxLength={200} />
            </label>
          )}
          <label>
            {words("alarms.comment")}
            <input name="comment" maxLength={200} />
          </label>
        </Ask>
      )}
    </p>
  );
}
