// The emergency stop: whether it is in force, pressed only after a second word, which devices have said that they stand, its release.

import { useState } from "react";

import { RefusedError } from "../api/problem";
import type { Me, Site } from "../api/types";
import { type Loaded, useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

interface StopDevice {
  readonly device_id: string;
  readonly kind: string;
  readonly vehicle: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly detail: string;
}

interface Stop {
  readonly stop_id: number;
  readonly reason: string;
  readonly pressed: string;
  readonly pressed_by: string;
  readonly released: string | null;
  readonly released_by: string | null;
  readonly release_note: string | null;
  readonly devices: number;
  readonly answered: number;
  readonly silent: readonly StopDevice[];
  readonly stopped: readonly StopDevice[];
  readonly unreachable: readonly string[];
}

type Deed = "press" | "again" | "release";
const EVERY_MS = 1000;

export function EmergencyStop({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [asking, setAsking] = useState<Deed>();
  const path = `/api/sites/${encodeURIComponent(site.site_id)}`;
  const state = useLoaded(
    `stop ${site.site_id}`,
    async (api, signal) => {
      const { in_force } = await api.get<{ in_force: Stop | null }>(`${path}/stop`, {}, signal);
      return in_force ? api.get<Stop>(`${path}/stops/${in_force.stop_id}`, {}, signal) : null;
    },
    EVERY_MS,
  );
  const isOperator = hasRole(me, "operator", site.site_id);
  if (state.value === undefined) return state.failure ? <Failed failure={state.failure} retry={state.reload} /> : <Loading />;
  const stop = state.value;
  return (
    <>
      {state.failure && <FailureNote failure={state.failure} />}
      <section className={`card stop ${stop ? "in-force" : ""}`} data-testid="stop" data-in-force={Boolean(stop)}>
        <h2 role="status">{words(stop ? "stop.inForce" : "stop.none")}</h2>
        {stop ? <About stop={stop} /> : <p>{words("stop.none.more", { site: site.site_id })}</p>}
        <p className="faint small">{words("stop.hardWired")}</p>
        {isOperator ? (
          <div className="row">
            <button type="button" className={stop ? "main" : "danger"} onClick={() => setAsking(stop ? "release" : "press")}>
              {words(stop ? "stop.release" : "stop.press")}
            </button>
            {stop && (
              <button type="button" className="danger" onClick={() => setAsking("again")}>
                {words("stop.again")}
              </button>
            )}
          </div>
        ) : (
          <p className="faint">{words("stop.needsRole")}</p>
        )}
      </section>
      {stop && <Told stop={stop} />}
      {asking && <Decide key={asking} what={asking} path={path} site={site} close={() => setAsking(undefined)} state={state} />}
    </>
  );
}

function About({ stop }: { stop: Stop }) {
  const words = useWords();
  const { date, number } = useFormats();
  return (
    <>
      <p>{words("stop.pressed", { who: stop.pressed_by, when: date(stop.pressed), reason: stop.reason || "–" })}</p>
      <p data-testid="stop-answers">{words("stop.answers", { answered: number(stop.answered), devices: number(stop.devices) })}</p>
    </>
  );
}

/** What it says of each device: those first that somebody has to go and look at. */
function Told({ stop }: { stop: Stop }) {
  const words = useWords();
  const told = useTold();
  const { number } = useFormats();
  const rows = [...stop.silent.map((one) => ({ ...one, stands: false })), ...stop.stopped.map((one) => ({ ...one, stands: true }))];
  return (
    <section className="card">
      <h2>{words("stop.devices")}</h2>
      {!rows.length && <p className="faint">{words("stop.devices.none")}</p>}
      {rows.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              {(["health.column.device", "register.kind", "stop.vehicle", "register.column.status", "stop.detail"] as const).map((key) => (
                <th key={key} scope="col">
                  {words(key)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((one) => (
              <tr key={one.device_id}>
                <th scope="row">
                  <code>{one.device_id}</code>
                </th>
                <td>{told(one.kind)}</td>
                <td>{one.vehicle ?? "–"}</td>
                <td>
                  <span className={`mark ${one.stands ? "healthy" : "offline"}`}>{words(one.stands ? "stop.stands" : "stop.silent")}</span> {words(`config.order.${one.state as "sent"}`)}
                </td>
                <td>{one.detail || words("stop.attempts", { count: one.attempts })}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {stop.unreachable.length > 0 && (
        <p className="note bad" data-testid="stop-unreachable">
          {words("stop.unreachable", { count: number(stop.unreachable.length), vehicles: stop.unreachable.join(", ") })}
        </p>
      )}
    </section>
  );
}

interface DecideProps {
  readonly what: Deed;
  readonly path: string;
  readonly site: Site;
  readonly close: () => void;
  readonly state: Loaded<Stop | null>;
}

function Decide({ what, path, site, close, state }: DecideProps) {
  const words = useWords();
  const api = useApi();
  const isPress = what !== "release";

  async function send(form: Form) {
    const text = form.text("text");
    await api.send("POST", isPress ? `${path}/stop` : `${path}/stop/release`, isPress ? { reason: text } : { note: text }).catch((error: unknown) => {
      // Somebody else was faster: what is shown next says so.
      if (!(error instanceof RefusedError && error.status === 409)) throw error;
    });
    state.reload();
  }

  return (
    <Ask title={words(`stop.ask.${what}`, { site: site.name || site.site_id })} action={words(`stop.do.${what}`)} isDanger={isPress} send={send} close={close}>
      <p>{words(`stop.more.${what}`)}</p>
      <label>
        {words(`stop.text.${what}`)}
        <input name="text" autoFocus required={!isPress} maxLength={200} />
      </label>
    </Ask>
  );
}
