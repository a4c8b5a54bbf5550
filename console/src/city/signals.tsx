// Signals and who decides about them. What is wanted of a signal is kept as its labels (docs/city/signals.md).

import { useMemo, useState } from "react";

import { allHealth } from "../api/pages";
import type { Device, DeviceHealth, Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useWords } from "../words/words";

interface Signal extends Device {
  readonly labels: Readonly<Record<string, string>>;
  readonly version: number;
}

const [CONTROL, PLAN, PRIORITY] = ["signal-control", "signal-plan", "signal-priority"];
const CONTROLLERS = ["off", "fixed", "webster", "green-wave", "actuated", "greedy", "max-pressure", "predictive", "learned", "manual"] as const;
const PRIORITIES = ["all", "emergency", "none"] as const;
const EVERY_MS = 3000;

/** A signal's labels after somebody has decided: others stay, and a plan goes with manual control only. */
export function labelsOf(present: Readonly<Record<string, string>>, form: Pick<Form, "text">): Record<string, string> {
  const others = Object.fromEntries(Object.entries(present).filter(([name]) => name !== PLAN));
  const wanted = { ...others, [CONTROL]: form.text("control"), [PRIORITY]: form.text("priority") };
  return form.text("control") === "manual" ? { ...wanted, [PLAN]: form.text("plan") } : wanted;
}

export function Signals({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [chosen, setChosen] = useState<Signal>();
  const loaded = useLoaded(
    `signals ${site.site_id}`,
    async (api, signal) => ({
      signals: (await api.get<{ devices: readonly Signal[] }>("/api/devices", { site: site.site_id, kind: "signal", limit: 1000 }, signal)).devices,
      health: new Map((await allHealth(api, { site: site.site_id, kind: "signal" }, signal)).map((one): [string, DeviceHealth] => [one.device_id, one])),
    }),
    EVERY_MS,
  );
  const isOperator = hasRole(me, "operator", site.site_id);
  const health = loaded.value?.health;
  const columns = useMemo<readonly Column<Signal>[]>(
    () => [
      { name: words("register.column.id"), width: "minmax(9rem, 1fr)", cell: (one) => <code>{one.device_id}</code> },
      { name: words("register.column.name"), width: "minmax(7rem, 1fr)", cell: (one) => one.name || "–" },
      {
        name: words("register.column.status"),
        width: "9.5rem",
        cell: (one) => {
          const status = health?.get(one.device_id)?.status;
          return status ? <span className={`mark ${status}`}>{words(`status.${status}`)}</span> : "–";
        },
      },
      { name: words("signals.control"), width: "minmax(9rem, 1fr)", cell: (one) => words(`signals.control.${(one.labels[CONTROL] ?? "off") as "off"}`) },
      { name: words("signals.plan"), width: "minmax(7rem, 1fr)", cell: (one) => one.labels[PLAN] ?? "–" },
      { name: words("signals.priority"), width: "9rem", cell: (one) => words(`signals.priority.${(one.labels[PRIORITY] ?? "all") as "all"}`) },
      {
        name: "",
        width: "8rem",
        cell: (one) =>
          isOperator && (
            <button type="button" onClick={() => setChosen(one)}>
              {words("signals.decide")}
            </button>
          ),
      },
    ],
    [words, health, isOperator],
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <p className="faint">{words("signals.about")}</p>
      {loaded.value.signals.length ? (
        <Rows label={words("city.signals")} columns={columns} rows={loaded.value.signals} keyOf={(one) => one.device_id} />
      ) : (
        <p className="faint">{words("signals.none")}</p>
      )}
      {chosen && <Decide signal={chosen} close={() => setChosen(undefined)} done={loaded.reload} />}
    </>
  );
}

function Decide({ signal, close, done }: { signal: Signal; close: () => void; done: () => void }) {
  const words = useWords();
  const api = useApi();
  const [control, setControl] = useState(signal.labels[CONTROL] ?? "off");
  async function send(form: Form) {
    await api.change(`/api/devices/${encodeURIComponent(signal.device_id)}`, { labels: labelsOf(signal.labels, form) }, signal.version);
    done();
  }
  return (
    <Ask title={words("signals.ask", { signal: signal.device_id })} action={words("signals.decide")} send={send} close={close}>
      <label>
        {words("signals.control")}
        <select name="control" value={control} onChange={(event) => setControl(event.target.value)}>
          {CONTROLLERS.map((one) => (
            <option key={one} value={one}>
              {words(`signals.control.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {control === "manual" && (
        <label>
          {words("signals.plan")}
          <input name="plan" required defaultValue={signal.labels[PLAN] ?? ""} placeholder="20,15,8.5" aria-describedby="plan-help" />
          <span id="plan-help" className="faint small">
            {words("signals.plan.help")}
          </span>
        </label>
      )}
      <label>
        {words("signals.priority")}
        <select name="priority" defaultValue={signal.labels[PRIORITY] ?? "all"}>
          {PRIORITIES.map((one) => (
            <option key={one} value={one}>
              {words(`signals.priority.${one}`)}
            </option>
          ))}
        </select>
      </label>
    </Ask>
  );
}
