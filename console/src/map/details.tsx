// Whatever was clicked: what the picture tells of it now, and its last minute as it was stored.

import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";

import type { Device, DeviceHealth } from "../api/types";
import { useLoaded } from "../api/use";
import { FailureNote, Loading } from "../layout/screens";
import { Facts } from "../parts/facts";
import { useTold } from "../words/told";
import { type Key, useFormats, useWords } from "../words/words";
import { fusedRows, sourceOf, typeOf } from "./drawn";
import { nameOf, participantId, vehicleId } from "./names";
import { type Picture, SEEN, UNKNOWN_DECK } from "./picture";
import type { Picked } from "./scene";
import type { Shown } from "./shown";

const Plot = lazy(() => import("../parts/plot"));
const MINUTE_US = 60e6;
const AGAIN_MS = 5000;
const KMH = 3.6;

interface DetailsProps {
  readonly map: Shown;
  readonly picked: Picked;
  readonly devices: readonly Device[] | undefined;
  /** The end of the minute that is shown; undefined: now. */
  readonly untilUs?: number;
}

export function Details({ map, picked, devices, untilUs }: DetailsProps) {
  const words = useWords();
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    card.current?.scrollIntoView({ block: "nearest" }); // a promise in newer browsers, which is no effect's end
  }, []);
  return (
    <section className="card details" ref={card} aria-label={words("map.details")}>
      <button type="button" className="quiet close" aria-label={words("map.details.close")} onClick={() => map.pick(undefined)}>
        ✕
      </button>
      {picked.kind === "unit" ? <UnitDetails id={picked.id} /> : <UserDetails map={map} picked={picked} devices={devices} {...(untilUs === undefined ? {} : { untilUs })} />}
    </section>
  );
}

function UnitDetails({ id }: { id: string }) {
  const words = useWords();
  const told = useTold();
  const { number, time } = useFormats();
  const health = useLoaded(`unit ${id}`, (api, signal) => api.get<DeviceHealth>(`/api/devices/${id}/health`, {}, signal), AGAIN_MS);
  const found = health.value;
  return (
    <>
      <h2>
        {words("map.kind.rsu")} <code>{id}</code>
      </h2>
      {health.failure && <FailureNote failure={health.failure} />}
      {found ? (
        <Facts
          facts={[
            ["map.details.status", words(`status.${found.status}`)],
            ["map.details.heard", found.heard_us ? time(found.heard_us) : "–"],
            ["health.column.rates", Object.entries(found.rates_hz).map(([stream, hz]) => `${stream} ${number(hz, 1)}`).join(", ") || "–"],
            ["health.column.latency", found.latency_ms === null ? "–" : `${number(found.latency_ms, 1)} ${words("unit.ms")}`],
            ["health.column.problems", found.problems.map(told).join(", ") || "–"],
          ]}
        />
      ) : (
        !health.failure && <Loading />
      )}
    </>
  );
}

function UserDetails({ map, picked, devices, untilUs }: DetailsProps & { picked: { kind: "user"; slot: number; generation: number } }) {
  const words = useWords();
  const { number } = useFormats();
  const { picture } = map;
  const row = picture.rowOf(picked.slot);
  const isHere = row !== undefined && picture.columns.generation[row] === picked.generation;
  // Whose minute it is does not change while it is looked at, though it may leave the picture.
  const [identity] = useState(() => (isHere ? identityOf(picture, row) : undefined));
  const who = useMemo(() => identity && whoOf(identity, devices), [identity, devices]);
  if (!isHere)
    return (
      <>
        <p>{words("map.details.gone")}</p>
        {who?.device && <Minute who={who} untilUs={untilUs} />}
      </>
    );
  const columns = picture.columns;
  const known = (value: number | undefined, digits: number, unit: Key) =>
    value === undefined || Number.isNaN(value) ? "–" : `${number(value, digits)} ${words(unit)}`;
  const size = `${known(columns.length_m[row], 1, "unit.m")} × ${known(columns.width_m[row], 1, "unit.m")}`;
  const deck = columns.deck[row] ?? UNKNOWN_DECK;
  return (
    <>
      <h2>
        {words(`map.kind.${typeOf(columns.participant_type[row] ?? 0)}`)} <code>{nameOf(picture, picked.slot, devices)}</code>
      </h2>
      <Facts
        facts={[
          ["map.details.speed", known((columns.speed_mps[row] ?? NaN) * KMH, 1, "unit.kmh")],
          ["map.details.heading", known(columns.heading_deg[row], 0, "unit.deg")],
          ["map.details.size", size],
          ["map.details.height", known(columns.up_m[row], 1, "unit.m")],
          ["map.details.level", deck === UNKNOWN_DECK ? "–" : String(deck)],
          ["map.details.source", words(`map.details.source.${sourceOf(picture, row, fusedRows(picture))}`)],
          ["map.details.device", who?.device ?? "–"],
        ]}
      />
      {who?.device && <Minute who={who} untilUs={untilUs} />}
    </>
  );
}

interface Who {
  readonly device: string | undefined;
  readonly stream: "bsm" | "participant";
  readonly filter: Readonly<Record<string, string | number>>;
}

interface Identity {
  readonly deviceKey: number | undefined;
  readonly isSeen: boolean;
  readonly key: bigint;
}

function identityOf({ columns }: Picture, row: number): Identity {
  return { deviceKey: columns.device_key[row], isSeen: columns.kind[row] === SEEN, key: columns.key[row] ?? 0n };
}

function whoOf({ deviceKey, isSeen, key }: Identity, devices: readonly Device[] | undefined): Who {
  const device = devices?.find((one) => one.device_key === deviceKey)?.device_id;
  return isSeen
    ? { device, stream: "participant", filter: { participant: participantId(key) } }
    : { device, stream: "bsm", filter: { vehicle: vehicleId(key) } };
}

interface Row {
  readonly time_us: number;
  readonly speed_mps: number | null;
}

function Minute({ who, untilUs }: { who: Who; untilUs: number | undefined }) {
  const words = useWords();
  const { time } = useFormats();
  const rows = useLoaded(
    `minute ${JSON.stringify(who)} ${untilUs ?? ""}`,
    (api, signal) => {
      const toUs = untilUs ?? Date.now() * 1000;
      return api.lines<Row>(`/api/streams/${who.stream}`, { device: who.device, ...who.filter, from_us: toUs - MINUTE_US, to_us: toUs, limit: 2000 }, signal);
    },
    untilUs === undefined ? AGAIN_MS : undefined,
  );
  const option = useMemo(
    () => ({
      xAxis: {
        type: "time",
        axisLabel: { formatter: (at: number) => time(at * 1000), hideOverlap: true },
        axisPointer: { label: { formatter: ({ value }: { value: number }) => time(value * 1000) } },
        splitNumber: 3,
      },
      yAxis: { type: "value", min: 0 },
      series: [{ type: "line", showSymbol: false, data: rows.value?.map((row) => [row.time_us / 1000, row.speed_mps === null ? null : +(row.speed_mps * KMH).toFixed(1)]) ?? [] }],
    }),
    [rows.value, time],
  );
  return (
    <>
      <h2>{words("map.details.minute")}</h2>
      {rows.failure && <FailureNote failure={rows.failure} />}
      {rows.value?.length === 0 && <p className="faint">{words("map.details.minute.none")}</p>}
      {rows.value && rows.value.length > 0 && (
        <Suspense fallback={<Loading />}>
          <p className="faint small" data-testid="minute">
            {words("map.details.minute.speed")} · {words("map.details.rows", { count: rows.value.length })}
          </p>
          <Plot label={words("map.details.minute.speed")} option={option} />
        </Suspense>
      )}
    </>
  );
}
