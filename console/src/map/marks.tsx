// Road events that hold, in words; and, for operators, an area or an event drawn on the map.

import { useState } from "react";

import type { Me, Site } from "../api/types";
import { type Loaded, useApi, useLoaded } from "../api/use";
import { FailureNote } from "../layout/screens";
import { AddArea } from "../operations/area";
import { Ask, type Form } from "../parts/ask";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";
import type { Corner, Marked, RoadEvent } from "./marked";
import { toGeodetic } from "./place";
import type { Scene } from "./scene";

const DEGREES = 7; // digits after the point: a centimetre
const HOUR_MS = 3600e3;
const ROADWORKS = "500";
const LEAST_CORNERS = 3;

interface MarksProps {
  readonly me: Me;
  readonly site: Site;
  readonly scene: Scene;
  readonly marked: Loaded<Marked>;
  /** What has been drawn; undefined: nothing is drawn now. */
  readonly corners: readonly Corner[] | undefined;
  readonly setCorners: (corners: readonly Corner[] | undefined) => void;
}

export function Marks({ me, site, scene, marked, corners, setCorners }: MarksProps) {
  const words = useWords();
  const events = marked.value?.events ?? [];
  const isOperator = hasRole(me, "operator", site.site_id);
  return (
    <section className="card marks" aria-label={words("map.events")}>
      <div className="row">
        <h2>{words("map.events")}</h2>
        {isOperator && !corners && (
          <button type="button" className="end" onClick={() => setCorners([])}>
            {words("map.draw")}
          </button>
        )}
      </div>
      {marked.failure && <FailureNote failure={marked.failure} />}
      {corners && <Drawing site={site} corners={corners} setCorners={setCorners} done={marked.reload} />}
      {!events.length && <p className="faint">{words("map.events.none")}</p>}
      <ul>
        {events.map(({ event, at }) => (
          <li key={event.event_id} data-event={event.event_id}>
            <EventLine event={event} show={() => scene.goTo(...at)} />
            {isOperator && <Withdraw site={site} event={event} done={marked.reload} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function useName(): (event: Pick<RoadEvent, "name" | "chinese">) => string {
  const { language } = useWords();
  return ({ name, chinese }) => (language === "zh" ? chinese : name);
}

function EventLine({ event, show }: { event: RoadEvent; show: () => void }) {
  const words = useWords();
  const { date } = useFormats();
  const nameOf = useName();
  const until = event.valid_until ? words("map.events.until", { when: date(event.valid_until) }) : words("map.events.open");
  return (
    <button type="button" className="quiet" onClick={show}>
      <strong>{nameOf(event)}</strong> {event.text}
      <span className="faint small told">
        {until} · {words("map.events.told", { told: event.told, units: event.units })}
      </span>
    </button>
  );
}

function Withdraw({ site, event, done }: { site: Site; event: RoadEvent; done: () => void }) {
  const words = useWords();
  const api = useApi();
  const nameOf = useName();
  const [isAsking, setAsking] = useState(false);
  const send = () => api.send("POST", `/api/sites/${site.site_id}/road-events/${event.event_id}/withdraw`).then(done);
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        {words("map.events.withdraw")}
      </button>
      {isAsking && <Ask title={words("map.events.withdraw.ask", { name: nameOf(event) })} action={words("map.events.withdraw")} isDanger send={send} close={() => setAsking(false)} />}
    </>
  );
}

interface DrawingProps {
  readonly site: Site;
  readonly corners: readonly Corner[];
  readonly setCorners: (corners: readonly Corner[] | undefined) => void;
  readonly done: () => void;
}

/** Corners are set by clicks on the map; who cannot click types an area's in the register's part Track. */
function Drawing({ site, corners, setCorners, done }: DrawingProps) {
  const words = useWords();
  const [asking, setAsking] = useState<"area" | "event">();
  const path = `/api/sites/${site.site_id}`;
  const places = corners.map(([east, north]) => toGeodetic(site, east, north));

  function finish() {
    done();
    setCorners(undefined);
  }

  return (
    <div data-testid="drawing" data-corners={corners.length}>
      <p role="status">
        {words("map.draw.corners", { count: corners.length })}. <span className="faint">{words("map.draw.more")}</span>
      </p>
      <div className="row">
        <button type="button" disabled={corners.length < LEAST_CORNERS} onClick={() => setAsking("area")}>
          {words("map.draw.area")}
        </button>
        <button type="button" disabled={!corners.length} onClick={() => setAsking("event")}>
          {words("map.draw.event")}
        </button>
        <button type="button" disabled={!corners.length} onClick={() => setCorners(corners.slice(0, -1))}>
          {words("map.draw.back")}
        </button>
        <button type="button" onClick={() => setCorners(undefined)}>
          {words("map.draw.end")}
        </button>
      </div>
      {asking === "area" && (
        <AddArea path={path} corners={places.map((place) => place.map((degrees) => degrees.toFixed(DEGREES)).join(", ")).join("\n")} close={() => setAsking(undefined)} done={finish} />
      )}
      {asking === "event" && <AddEvent path={path} places={places} close={() => setAsking(undefined)} done={finish} />}
    </div>
  );
}

interface Entry {
  readonly sort: "event" | "sign";
  readonly code: string;
  readonly name: string;
  readonly chinese: string;
}

function afterHours(hours: number): string {
  return new Date(Date.now() + hours * HOUR_MS).toISOString();
}

function AddEvent({ path, places, close, done }: { path: string; places: readonly (readonly [number, number])[]; close: () => void; done: () => void }) {
  const words = useWords();
  const api = useApi();
  const nameOf = useName();
  const catalogue = useLoaded("road event catalogue", (_, signal) => api.get<readonly Entry[]>("/api/road-event-catalogue", {}, signal));
  const entries = catalogue.value?.filter(({ sort }) => sort === "event").map((one) => ({ ...one, code: one.code.replace("xx", "00") })) ?? []; // of a class: what has no code of its own
  const points = places.map(([latitude_deg, longitude_deg]) => ({ latitude_deg, longitude_deg }));

  async function send(form: Form) {
    const hours = form.number("hours");
    const until = hours === undefined ? {} : { valid_until: afterHours(hours) };
    await api.send("POST", `${path}/road-events`, { code: form.number("code"), text: form.text("text"), ...(points.length > 1 ? { path: points } : { place: points[0] }), ...until });
    done();
  }

  return (
    <Ask title={words("map.draw.event")} action={words("map.event.add")} send={send} close={close}>
      <p>{points.length > 1 ? words("map.event.path", { count: points.length }) : words("map.event.place")}</p>
      {catalogue.failure && <FailureNote failure={catalogue.failure} />}
      <label>
        {words("map.event.what")}
        <select key={entries.length} name="code" defaultValue={ROADWORKS} required>
          {entries.map((one) => (
            <option key={one.code} value={one.code}>
              {nameOf(one)} ({one.code})
            </option>
          ))}
        </select>
      </label>
      <label>
        {words("map.event.text")}
        <input name="text" maxLength={120} />
      </label>
      <label>
        {words("map.event.hours")}
        <input name="hours" type="number" min={0.1} max={10000} step="any" defaultValue={2} />
      </label>
    </Ask>
  );
}
