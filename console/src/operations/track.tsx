// The track: its areas, who has booked them, which vehicle may be in which, and who is there now.

import { useState } from "react";

import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Table } from "../parts/table";
import { hasRole } from "../session/session";
import { shortened, useTold } from "../words/told";
import { LOCALES, useFormats, useWords } from "../words/words";
import { dateIn } from "../words/zones";
import { AddArea } from "./area";

interface Area {
  readonly area_id: string;
  readonly name: string;
  readonly kind: "area" | "lane";
  readonly needs_permit: boolean;
  readonly shares: number;
}

interface Claim {
  readonly area_id: string;
  readonly team: string | null;
  readonly starts: string;
  readonly ends: string;
}

interface Booking extends Claim {
  readonly booking_id: number;
  readonly purpose: string;
  readonly booked_by: string;
}

interface Permit extends Claim {
  readonly permit_id: number;
  readonly vehicle: string;
  readonly max_speed_mps: number | null;
  readonly modes: readonly string[] | null;
  readonly conditions: string;
}

interface Present {
  readonly subject: string;
  readonly team: string | null;
  readonly areas: readonly string[];
  readonly problems: readonly string[];
  readonly speed_mps: number | null;
}

interface Organisation {
  readonly organisation_id: string;
  readonly name: string;
  readonly role: string;
}

type What = "area" | Claimed;
type Claimed = "booking" | "permit";
const EVERY_MS = 2000;

export function Track({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [asking, setAsking] = useState<What>();
  const path = `/api/sites/${site.site_id}`;
  const loaded = useLoaded(
    `track ${site.site_id}`,
    async (api, signal) => {
      const [areas, bookings, permits, track] = await Promise.all([
        api.get<readonly Area[]>(`${path}/areas`, {}, signal),
        api.get<readonly Booking[]>(`${path}/bookings`, {}, signal),
        api.get<readonly Permit[]>(`${path}/permits`, {}, signal),
        api.get<{ is_blind: boolean; present: readonly Present[] }>(`${path}/track`, {}, signal),
      ]);
      return { areas, bookings, permits, track };
    },
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { areas, bookings, permits, track } = loaded.value;
  const isOperator = hasRole(me, "operator", site.site_id);
  const head = (word: "track.areas" | "track.bookings" | "track.permits", what: What) => (
    <div className="row">
      <h2>{words(word)}</h2>
      {isOperator && (
        <span className="end">
          <button type="button" onClick={() => setAsking(what)}>
            {words(`track.add.${what}`)}
          </button>
        </span>
      )}
    </div>
  );
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <section className="card">
        <h2>{words("track.present")}</h2>
        {track.is_blind && <p className="note">{words("track.blind")}</p>}
        <PresentNow present={track.present} />
      </section>
      <section className="card">
        {head("track.areas", "area")}
        <Table
          label={words("track.areas")}
          heads={[words("register.add.id"), words("register.column.name"), words("register.kind"), words("track.needsPermit"), words("track.shares")]}
          rows={areas}
          keyOf={(one) => one.area_id}
          none={words("track.areas.none")}
          cells={(one) => [<code key="id">{one.area_id}</code>, one.name || "–", words(`track.kind.${one.kind}`), words(one.needs_permit ? "app.yes" : "app.no"), one.shares]}
        />
      </section>
      <section className="card">
        {head("track.bookings", "booking")}
        <Bookings bookings={bookings} zone={site.time_zone} end={isOperator ? `${path}/bookings` : undefined} done={loaded.reload} />
      </section>
      <section className="card">
        {head("track.permits", "permit")}
        <Permits permits={permits} zone={site.time_zone} end={isOperator ? `${path}/permits` : undefined} done={loaded.reload} />
      </section>
      {asking === "area" && <AddArea path={path} close={() => setAsking(undefined)} done={loaded.reload} />}
      {asking && asking !== "area" && <Add key={asking} what={asking} path={path} zone={site.time_zone} areas={areas} close={() => setAsking(undefined)} done={loaded.reload} />}
    </>
  );
}

/** "trespass in oval" */
function problemIn(told: (text: string) => string, problem: string): string {
  const [what = "", where] = problem.split(" in ");
  return where ? `${told(what)} (${where})` : told(what);
}

function PresentNow({ present }: { present: readonly Present[] }) {
  const words = useWords();
  const told = useTold();
  const { number } = useFormats();
  return (
    <Table
      label={words("track.present")}
      heads={[words("track.who"), words("track.team"), words("track.areas"), words("map.details.speed"), words("health.column.problems")]}
      rows={present}
      keyOf={(one) => one.subject}
      none={words("track.present.none")}
      cells={(one) => [
        <span key="subject" title={one.subject}>
          {shortened(told(one.subject))}
        </span>,
        one.team ?? "–",
        one.areas.join(", "),
        one.speed_mps === null ? "–" : `${number(one.speed_mps * 3.6)} ${words("unit.kmh")}`,
        one.problems.length ? <span className="mark offline">{one.problems.map((problem) => problemIn(told, problem)).join(", ")}</span> : "–",
      ]}
    />
  );
}

interface ClaimsProps {
  /** By whose clocks its times are shown. */
  readonly zone: string;
  /** Where one is ended; undefined for who may not. */
  readonly end: string | undefined;
  readonly done: () => void;
}

function Bookings({ bookings, zone, end, done }: ClaimsProps & { bookings: readonly Booking[] }) {
  const words = useWords();
  const date = (text: string) => dateIn(zone, LOCALES[words.language], text);
  return (
    <Table
      label={words("track.bookings")}
      heads={[words("track.area"), words("track.team"), words("track.starts"), words("track.ends"), words("track.purpose"), words("track.by"), ""]}
      rows={bookings}
      keyOf={(one) => one.booking_id}
      none={words("track.bookings.none")}
      cells={(one) => [one.area_id, one.team, date(one.starts), date(one.ends), one.purpose || "–", one.booked_by, end && <End key="end" path={`${end}/${one.booking_id}`} word={words("track.cancel")} done={done} />]}
    />
  );
}

function Permits({ permits, zone, end, done }: ClaimsProps & { permits: readonly Permit[] }) {
  const words = useWords();
  const { number } = useFormats();
  const date = (text: string) => dateIn(zone, LOCALES[words.language], text);
  return (
    <Table
      label={words("track.permits")}
      heads={[words("track.vehicle"), words("track.area"), words("track.starts"), words("track.ends"), words("track.conditions"), ""]}
      rows={permits}
      keyOf={(one) => one.permit_id}
      none={words("track.permits.none")}
      cells={(one) => [
        one.vehicle,
        one.area_id,
        date(one.starts),
        date(one.ends),
        [one.max_speed_mps === null ? "" : `≤ ${number(one.max_speed_mps * 3.6)} ${words("unit.kmh")}`, one.modes?.join(", "), one.conditions].filter(Boolean).join("; ") || "–",
        end && <End key="end" path={`${end}/${one.permit_id}`} word={words("track.revoke")} done={done} />,
      ]}
    />
  );
}

/** Ends a booking or a permit, after a second word. */
export function End({ path, word, done }: { path: string; word: string; done: () => void }) {
  const api = useApi();
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        {word}
      </button>
      {isAsking && <Ask title={word} action={word} isDanger send={() => api.send("DELETE", path).then(done)} close={() => setAsking(false)} />}
    </>
  );
}

interface AddProps {
  readonly what: Claimed;
  readonly path: string;
  readonly zone: string;
  readonly areas: readonly Area[];
  readonly close: () => void;
  readonly done: () => void;
}

function Add({ what, path, zone, areas, close, done }: AddProps) {
  const words = useWords();
  const api = useApi();
  const send = (form: Form) => api.send("POST", `${path}/${what}s`, BODIES[what](form, zone)).then(done);
  return (
    <Ask title={words(`track.add.${what}`)} action={words(`track.add.${what}`)} send={send} close={close}>
      {what === "permit" && (
        <label>
          {words("track.vehicle")}
          <input name="vehicle" required spellCheck={false} />
        </label>
      )}
      <label>
        {words("track.area")}
        <select name="area_id" required>
          {areas.map((one) => (
            <option key={one.area_id}>{one.area_id}</option>
          ))}
        </select>
      </label>
      {what === "booking" && <Teams />}
      <p className="faint small">{words("track.zone", { zone })}</p>
      <label>
        {words("track.starts")}
        <input name="starts" type="datetime-local" required />
      </label>
      <label>
        {words("track.ends")}
        <input name="ends" type="datetime-local" required />
      </label>
      <label>
        {words(what === "booking" ? "track.purpose" : "track.conditions")}
        <input name="text" maxLength={200} />
      </label>
      {what === "permit" && (
        <label>
          {words("track.mostSpeed")}
          <input name="kmh" type="number" min={1} max={500} />
        </label>
      )}
    </Ask>
  );
}

/** A choice of the teams that the register knows. */
function Teams() {
  const words = useWords();
  const known = useLoaded("organisations", (api, signal) => api.get<readonly Organisation[]>("/api/organisations", {}, signal));
  const teams = known.value?.filter((one) => one.role === "vehicle team");
  return (
    <>
      {known.failure && <FailureNote failure={known.failure} />}
      <label>
        {words("track.team")}
        <select name="team" required>
          {teams?.map((one) => (
            <option key={one.organisation_id} value={one.organisation_id}>
              {one.name && one.name !== one.organisation_id ? `${one.organisation_id} (${one.name})` : one.organisation_id}
            </option>
          ))}
        </select>
      </label>
      {teams?.length === 0 && <p className="note">{words("track.team.none")}</p>}
    </>
  );
}

const period = (form: Form, zone: string) => ({
  area_id: form.text("area_id"),
  starts: form.instant("starts", zone),
  ends: form.instant("ends", zone),
});
const BODIES: Readonly<Record<Claimed, (form: Form, zone: string) => Record<string, unknown>>> = {
  booking: (form, zone) => ({ ...period(form, zone), team: form.text("team"), purpose: form.text("text") }),
  permit: (form, zone) => {
    const kmh = form.number("kmh");
    return { ...period(form, zone), vehicle: form.text("vehicle"), conditions: form.text("text"), ...(kmh === undefined ? {} : { max_speed_mps: kmh / 3.6 }) };
  },
};
