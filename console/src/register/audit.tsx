// Who changed what of the register in the last day, newest first. The API gives changes oldest first, so a day is read to its end.

import { useMemo } from "react";

import type { Api } from "../api/client";
import { useLoaded } from "../api/use";
import { Failed, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

interface Entry {
  readonly audit_id: number;
  readonly at: string;
  readonly actor: string;
  readonly action: "insert" | "update" | "delete";
  readonly what: string;
  readonly subject: string;
}

const DAY_US = 86_400e6;
const PAGE = 10_000;

export function Audit() {
  const words = useWords();
  const told = useTold();
  const { date } = useFormats();
  const entries = useLoaded("audit", lastDay);
  const columns = useMemo<readonly Column<Entry>[]>(
    () => [
      { name: words("register.audit.when"), width: "13rem", cell: (one) => date(one.at) },
      { name: words("register.audit.who"), width: "minmax(8rem, 1fr)", cell: (one) => one.actor },
      { name: words("register.audit.action"), width: "8rem", cell: (one) => words(`register.audit.${one.action}`) },
      { name: words("register.audit.what"), width: "minmax(10rem, 2fr)", cell: (one) => <span title={one.subject}>{`${told(one.what)} ${one.subject}`}</span> },
    ],
    [words, told, date],
  );
  if (!entries.value) return entries.failure ? <Failed failure={entries.failure} retry={entries.reload} /> : <Loading />;
  if (!entries.value.length) return <p className="faint">{words("register.audit.empty")}</p>;
  return (
    <>
      <p className="faint">{words("register.audit.period")}</p>
      <Rows label={words("register.audit")} columns={columns} rows={entries.value} keyOf={(one) => String(one.audit_id)} />
    </>
  );
}

async function lastDay(api: Api, signal: AbortSignal): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  const fromUs = Math.round(Date.now() * 1000 - DAY_US);
  for (let after: number | null = 0; after !== null; ) {
    const page: { entries: Entry[]; next: number | null } = await api.get(
      "/api/audit",
      { from_us: fromUs, limit: PAGE, after },
      signal,
    );
    found.push(...page.entries);
    after = page.next;
  }
  return found.reverse();
}
