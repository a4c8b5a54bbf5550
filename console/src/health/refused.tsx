// What came and could not be used, by sender and reason: a device that sends nonsense is seen here, registered or not.

import { useMemo } from "react";

import { useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

export interface Letter {
  readonly time_us: number;
  readonly device_id: string | null;
  readonly topic: string;
  readonly reason: string;
  readonly detail: string;
  readonly size_bytes: number;
  readonly suppressed: number;
}

/** Those of one sender for one reason on one topic, with the newest of them. */
export interface Nonsense {
  readonly newest: Letter;
  readonly count: number;
}

const EVERY_MS = 5000;
const HOUR_US = 3600e6;
const MOST = 50_000;

/** Who sends what that cannot be used, the newest first. */
export function bySender(letters: readonly Letter[]): Nonsense[] {
  const found = new Map<string, Nonsense>();
  for (const one of letters) {
    const key = JSON.stringify([one.device_id, one.topic, one.reason]);
    const before = found.get(key);
    found.set(key, { newest: before && before.newest.time_us > one.time_us ? before.newest : one, count: (before?.count ?? 0) + 1 });
  }
  return [...found.values()].sort((one, two) => two.newest.time_us - one.newest.time_us);
}

export function Refused() {
  const words = useWords();
  const told = useTold();
  const { number, time } = useFormats();
  const letters = useLoaded("dead letters", (api, signal) => api.get<{ rows: readonly Letter[] }>("/api/dead-letters", { from_us: Math.round(Date.now() * 1000 - HOUR_US), limit: MOST }, signal), EVERY_MS);
  const rows = useMemo(() => bySender(letters.value?.rows ?? []), [letters.value]);
  const unkept = letters.value?.rows.reduce((sum, one) => sum + one.suppressed, 0) ?? 0;
  const columns = useMemo<readonly Column<Nonsense>[]>(
    () => [
      { name: words("health.column.device"), width: "minmax(8rem, 1fr)", cell: ({ newest }) => <code>{newest.device_id ?? "–"}</code> },
      { name: words("refused.reason"), width: "minmax(9rem, 1fr)", cell: ({ newest }) => <span className="mark offline">{told(newest.reason)}</span> },
      { name: words("refused.count"), width: "7rem", cell: ({ count }) => number(count) },
      { name: words("refused.newest"), width: "7rem", cell: ({ newest }) => time(newest.time_us) },
      { name: words("refused.topic"), width: "minmax(9rem, 1fr)", cell: ({ newest }) => <span title={newest.topic}>{newest.topic}</span> },
      { name: words("refused.detail"), width: "minmax(14rem, 2fr)", cell: ({ newest }) => <span lang="en" title={newest.detail}>{newest.detail || "–"}</span> },
      { name: words("refused.size"), width: "7rem", cell: ({ newest }) => `${number(newest.size_bytes)} B` },
    ],
    [words, told, number, time],
  );
  if (!letters.value) return letters.failure ? <Failed failure={letters.failure} retry={letters.reload} /> : <Loading />;
  return (
    <>
      {letters.failure && <FailureNote failure={letters.failure} />}
      <p className="faint">
        {words("refused.about")} {unkept > 0 && words("refused.unkept", { count: number(unkept) })}
      </p>
      {rows.length ? <Rows label={words("health.refused")} columns={columns} rows={rows} keyOf={({ newest }) => JSON.stringify([newest.device_id, newest.topic, newest.reason])} /> : <p>{words("refused.none")}</p>}
    </>
  );
}
