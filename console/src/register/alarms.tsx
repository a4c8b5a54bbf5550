// Alarms of the site that are open, the severest first, to be acknowledged by who takes care of them.

import { useMemo, useState } from "react";

import type { Api } from "../api/client";
import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { shortened, useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

const SEVERITIES = ["critical", "major", "warning", "info"] as const;

export interface Alarm {
  readonly alarm_id: number;
  readonly kind: string;
  readonly subject: string;
  readonly part: string;
  readonly severity: (typeof SEVERITIES)[number];
  readonly since: string;
  readonly acknowledged: string | null;
  readonly acknowledged_by: string | null;
}

const EVERY_MS = 2000;
const PAGE = 1000;

/** Those first that nobody has seen to; of these the severest, and of those the oldest. */
export function inOrder(alarms: readonly Alarm[]): Alarm[] {
  const rank = (one: Alarm) => Number(Boolean(one.acknowledged)) * SEVERITIES.length + SEVERITIES.indexOf(one.severity);
  return [...alarms].sort((one, two) => rank(one) - rank(two) || one.since.localeCompare(two.since));
}

async function openAlarms(api: Api, site: string, signal: AbortSignal): Promise<Alarm[]> {
  const found: Alarm[] = [];
  for (let after: number | null | undefined = undefined; after !== null; ) {
    const page: { alarms: Alarm[]; next: number | null } = await api.get("/api/alarms", { state: "open", site, limit: PAGE, after }, signal);
    found.push(...page.alarms);
    after = page.next;
  }
  return inOrder(found);
}

export function Alarms({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const told = useTold();
  const { date } = useFormats();
  const [chosen, setChosen] = useState<Alarm>();
  const alarms = useLoaded(`alarms ${site.site_id}`, (api, signal) => openAlarms(api, site.site_id, signal), EVERY_MS);
  const isOperator = hasRole(me, "operator", site.site_id);
  const columns = useMemo<readonly Column<Alarm>[]>(
    () => [
      {
        name: words("alarms.severity"),
        width: "8rem",
        cell: (one) => <span className={`mark ${one.severity === "critical" || one.severity === "major" ? "offline" : "impaired"}`}>{words(`alarms.${one.severity}`)}</span>,
      },
      { name: words("alarms.kind"), width: "minmax(9rem, 1fr)", cell: (one) => told(one.kind) },
      { name: words("register.audit.what"), width: "minmax(9rem, 1.4fr)", cell: (one) => <span title={`${one.subject} ${one.part}`}>{shortened(`${told(one.subject)} ${one.part}`.trim())}</span> },
      { name: words("alarms.since"), width: "14rem", cell: (one) => date(one.since) },
      {
        name: words("alarms.acknowledged"),
        width: "11rem",
        cell: (one) =>
          one.acknowledged ? (
            one.acknowledged_by
          ) : isOperator ? (
            <button type="button" onClick={() => setChosen(one)}>
              {words("alarms.acknowledge")}
            </button>
          ) : (
            "–"
          ),
      },
    ],
    [words, told, date, isOperator],
  );
  if (!alarms.value) return alarms.failure ? <Failed failure={alarms.failure} retry={alarms.reload} /> : <Loading />;
  return (
    <>
      {alarms.failure && <FailureNote failure={alarms.failure} />}
      {alarms.value.length ? (
        <Rows label={words("register.alarms")} columns={columns} rows={alarms.value} keyOf={(one) => String(one.alarm_id)} />
      ) : (
        <p className="faint">{words("alarms.none")}</p>
      )}
      {chosen && <Acknowledge alarm={chosen} close={() => setChosen(undefined)} done={alarms.reload} />}
    </>
  );
}

function Acknowledge({ alarm, close, done }: { alarm: Alarm; close: () => void; done: () => void }) {
  const words = useWords();
  const told = useTold();
  const api = useApi();
  const send = (form: Form) => api.send("POST", `/api/alarms/${alarm.alarm_id}/acknowledge`, { comment: form.text("comment") }).then(done);
  return (
    <Ask title={words("alarms.acknowledge.ask", { kind: told(alarm.kind), subject: alarm.subject })} action={words("alarms.acknowledge")} send={send} close={close}>
      <label>
        {words("alarms.comment")}
        <input name="comment" autoFocus maxLength={200} />
      </label>
    </Ask>
  );
}
