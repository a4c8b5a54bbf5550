// Why one warning was raised, asked for when somebody wants to know: it is a replay of what is stored, and takes some seconds.

import { useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import { useApi } from "../api/use";
import { FailureNote } from "../layout/screens";
import { Table } from "../parts/table";
import { useFormats, useWords } from "../words/words";

interface Value {
  readonly value: number;
  readonly unit: string;
}

interface Margin extends Value {
  readonly name: string;
  readonly limit: number;
  readonly is_above: boolean;
  readonly level: number;
}

interface RoadUser {
  readonly kind: string;
  readonly speed_mps: number | null;
  readonly heading_deg: number | null;
  readonly lane: string | null;
  readonly sources: readonly { readonly says: string; readonly device_id: string; readonly age_s: number | null; readonly latency_s: number | null }[];
  readonly futures: readonly { readonly probability: number; readonly made_by: string }[];
}

export interface Explanation {
  readonly warning: { readonly application: string; readonly about: string };
  readonly known: {
    readonly host: RoadUser | null;
    readonly other?: RoadUser | null;
    readonly severity: string;
    readonly view: Readonly<Record<string, number | null>> | null;
    readonly margins: readonly Margin[];
    readonly parameters: Readonly<Record<string, Readonly<Record<string, Value>>>>;
  };
  readonly replay: { readonly verdict: string; readonly says: string; readonly is_cause_stored: boolean; readonly differences: readonly { readonly field: string; readonly stored: unknown; readonly replayed: unknown }[] };
}

const LEVELS = ["explain.level.nothing", "explain.level.held", "map.warning.warning", "map.warning.imminent"] as const;
const NOTHING_BELOW = -1; // levels: -1 nothing, 0 held …

export function Why({ path }: { path: string }) {
  const words = useWords();
  const api = useApi();
  const [explanation, setExplanation] = useState<Explanation>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  function ask() {
    setBusy(true);
    setFailure(undefined);
    api
      .slow<Explanation>(`${path}/explanation`)
      .then(setExplanation, (error: unknown) => setFailure(asFailure(error)))
      .finally(() => setBusy(false));
  }

  return (
    <section className="card" data-testid="why" data-verdict={explanation?.replay.verdict}>
      <div className="row">
        <h2>{words("explain.title")}</h2>
        {!explanation && (
          <button type="button" onClick={ask} disabled={isBusy}>
            {words(isBusy ? "explain.busy" : "explain.ask")}
          </button>
        )}
      </div>
      {failure && <FailureNote failure={failure} />}
      {!explanation && !failure && <p className="faint small">{words("explain.more")}</p>}
      {explanation && <Told explanation={explanation} />}
    </section>
  );
}

function Told({ explanation: { warning, known, replay } }: { explanation: Explanation }) {
  const words = useWords();
  const { number } = useFormats();
  const said = ({ value, unit }: Value) => `${number(value, 2)}${unit === "1" ? "" : ` ${unit}`}`;
  const rest = Object.entries(known.parameters[warning.application] ?? {}).filter(([name]) => !known.margins.some((one) => one.name === name));
  return (
    <>
      <p lang="en">{warning.about}</p>
      <div className="cards">
        <Party title={words("explain.host")} party={known.host} />
        {known.other !== undefined && <Party title={words("explain.other")} party={known.other} />}
      </div>
      <h3>{words("explain.limits")}</h3>
      <Table
        label={words("explain.limits")}
        heads={[words("explain.parameter"), words("runs.value"), words("explain.turns"), words("explain.into")]}
        rows={known.margins}
        keyOf={(one) => `${one.name} ${one.limit}`}
        none={words("explain.limits.none")}
        cells={(one) => [<code key="name">{one.name}</code>, said(one), words(one.is_above ? "explain.above" : "explain.below", { limit: number(one.limit, 2) }), words(LEVELS[one.level - NOTHING_BELOW] ?? "explain.level.nothing")]}
      />
      {rest.length > 0 && (
        <p className="faint small">
          {words("explain.rest")} {rest.map(([name, value]) => `${name} ${said(value)}`).join(", ")}
        </p>
      )}
      <p className={`note ${replay.verdict === "same" ? "" : "bad"}`} lang="en">
        {replay.says}
      </p>
      {!replay.is_cause_stored && <p>{words("explain.causeGone")}</p>}
      {replay.differences.length > 0 && (
        <ul>
          {replay.differences.map((one) => (
            <li key={one.field}>{words("explain.difference", { field: one.field, stored: JSON.stringify(one.stored), replayed: JSON.stringify(one.replayed) })}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Party({ title, party }: { title: string; party: RoadUser | null }) {
  const words = useWords();
  const { number } = useFormats();
  if (!party)
    return (
      <div>
        <h3>{title}</h3>
        <p className="faint">{words("explain.gone")}</p>
      </div>
    );
  return (
    <div>
      <h3>{title}</h3>
      <p>
        {[party.kind, party.speed_mps === null ? "" : `${number(party.speed_mps * 3.6)} ${words("unit.kmh")}`, party.heading_deg === null ? "" : `${number(party.heading_deg)}°`, party.lane ?? ""].filter(Boolean).join(" · ")}
      </p>
      <ul>
        {party.sources.map((one) => (
          <li key={one.device_id}>{words("explain.source", { device: one.device_id, age: one.age_s === null ? "–" : number(one.age_s * 1000), way: one.latency_s === null ? "–" : number(one.latency_s * 1000) })}</li>
        ))}
        {party.futures.map((one, at) => (
          <li key={at}>{words("explain.future", { percent: number(one.probability * 100), by: one.made_by })}</li>
        ))}
      </ul>
    </div>
  );
}
