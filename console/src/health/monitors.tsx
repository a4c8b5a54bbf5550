// What the quality monitors find of the site's data: what somebody has to be told now, and the hours' assessments.

import { useMemo, useState } from "react";

import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { Table } from "../parts/table";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

const VERDICTS = ["bad", "good", "too little"] as const;
type Verdict = (typeof VERDICTS)[number];

interface About {
  readonly monitor: string;
  readonly title: string;
  readonly subject: string;
  readonly judged: number;
  readonly bad: number;
  readonly share: number;
}

export interface Assessment extends About {
  readonly begins: string;
  readonly verdict: Verdict;
  readonly passed: Readonly<Record<string, number>>;
}

interface Notification extends About {
  readonly hour: string;
  readonly action: string;
  readonly acknowledged_by: string | null;
}

const EVERY_MS = 10_000;
const DAY_US = 86_400e6;
const MOST = 10_000;
const MARKS: Readonly<Record<Verdict, string>> = { good: "healthy", bad: "offline", "too little": "" };

/** The newest hour first; of an hour what is bad, and of this the worst. */
export function worstFirst(found: readonly Assessment[]): Assessment[] {
  const rank = ({ verdict }: Assessment) => VERDICTS.indexOf(verdict);
  return [...found].sort((one, two) => two.begins.localeCompare(one.begins) || rank(one) - rank(two) || two.share - one.share);
}

export function Monitors({ site }: { site: Site }) {
  const words = useWords();
  const path = `/api/sites/${site.site_id}/quality`;
  const loaded = useLoaded(
    `monitors ${site.site_id}`,
    async (api, signal) => ({
      assessments: worstFirst(await api.get<readonly Assessment[]>(`${path}/assessments`, { from_us: Math.round(Date.now() * 1000 - DAY_US), limit: MOST }, signal)),
      notifications: await api.get<readonly Notification[]>(`${path}/notifications`, {}, signal),
    }),
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { assessments, notifications } = loaded.value;
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <Notified site={site} notifications={notifications} />
      {assessments.length ? <Assessed assessments={assessments} /> : <p className="faint">{words("monitors.none")}</p>}
    </>
  );
}

function Notified({ site, notifications }: { site: Site; notifications: readonly Notification[] }) {
  const words = useWords();
  const told = useTold();
  const { number, date } = useFormats();
  return (
    <section className="card">
      <h2>{words("monitors.now")}</h2>
      <Table
        label={words("monitors.now")}
        heads={[words("monitors.monitor"), words("monitors.subject"), words("monitors.hour"), words("monitors.share"), words("monitors.action"), words("alarms.acknowledged")]}
        rows={notifications}
        keyOf={(one) => `${one.monitor} ${one.subject}`}
        none={words("monitors.now.none")}
        cells={(one) => [
          told(one.title),
          one.subject,
          date(one.hour),
          words("monitors.share.of", { share: number(one.share * 100, 1), judged: number(one.judged) }),
          <span key="action" className="small">
            {told(one.action).replaceAll("`", "")}
          </span>,
          one.acknowledged_by ?? <a href={writeRoute("register", "alarms", { site: site.site_id })}>{words("register.alarms")}</a>,
        ]}
      />
    </section>
  );
}

function Assessed({ assessments }: { assessments: readonly Assessment[] }) {
  const words = useWords();
  const told = useTold();
  const { number, date } = useFormats();
  const [verdict, setVerdict] = useState<Verdict | "">("");
  const shown = useMemo(() => (verdict ? assessments.filter((one) => one.verdict === verdict) : assessments), [assessments, verdict]);
  const columns = useMemo<readonly Column<Assessment>[]>(
    () => [
      { name: words("monitors.hour"), width: "13rem", cell: (one) => date(one.begins) },
      { name: words("monitors.monitor"), width: "minmax(12rem, 1.4fr)", cell: (one) => <span title={one.monitor}>{told(one.title)}</span> },
      { name: words("monitors.subject"), width: "minmax(10rem, 1.4fr)", cell: (one) => <span title={one.subject}>{one.subject}</span> },
      { name: words("monitors.verdict"), width: "7rem", cell: (one) => <span className={`mark ${MARKS[one.verdict]}`}>{told(one.verdict)}</span> },
      { name: words("monitors.share"), width: "13rem", cell: (one) => words("monitors.share.of", { share: number(one.share * 100, 1), judged: number(one.judged) }) },
      { name: words("monitors.passed"), width: "minmax(8rem, 1fr)", cell: (one) => Object.entries(one.passed).map(([why, count]) => `${told(why)}: ${number(count)}`).join(", ") || "–" },
    ],
    [words, told, number, date],
  );
  return (
    <>
      <div className="row">
        <h2>{words("monitors.hours", { count: assessments.length })}</h2>
        <label className="inline end">
          {words("health.filter")}
          <select name="verdict" value={verdict} onChange={(event) => setVerdict(event.target.value as Verdict | "")}>
            <option value="">{words("monitors.any")}</option>
            {VERDICTS.map((one) => (
              <option key={one} value={one}>
                {told(one)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Rows label={words("health.monitors")} columns={columns} rows={shown} keyOf={(one) => `${one.begins} ${one.monitor} ${one.subject}`} />
    </>
  );
}
