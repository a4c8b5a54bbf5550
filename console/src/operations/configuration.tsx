// What devices are to be configured with, beside what they say they are: the fields that differ, and a change for some.

import { useMemo, useState } from "react";

import type { Api } from "../api/client";
import { DEVICE_KINDS, type DeviceKind, type Me, type Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

interface Configuration {
  readonly device_id: string;
  readonly kind: DeviceKind;
  readonly desired: Readonly<Record<string, unknown>> | null;
  readonly reported: Readonly<Record<string, unknown>> | null;
  readonly said: string | null;
  readonly differences: readonly { readonly field: string; readonly desired: unknown; readonly reported: unknown }[];
  readonly state: string | null;
}

/** One field of one device. */
export interface Line {
  readonly key: string;
  readonly device: string;
  readonly field: string;
  readonly desired: string;
  readonly reported: string;
  readonly differs: boolean;
  readonly state: string | null;
  readonly said: string | null;
}

const EVERY_MS = 3000;
const shown = (value: unknown) => (value === undefined || value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value));

/** A line for every field that is desired; of a device that was never asked for anything, for what it reports, else one that says so. */
export function linesOf(found: readonly Configuration[]): Line[] {
  return found.flatMap((one) => {
    const fields = Object.keys(one.desired ?? one.reported ?? {});
    const differing = new Set(one.differences.map(({ field }) => field));
    const about = { device: one.device_id, state: one.state, said: one.said };
    if (!fields.length) return [{ ...about, key: one.device_id, field: "–", desired: "–", reported: "–", differs: false }];
    return fields.map((field) => ({
      ...about,
      key: `${one.device_id} ${field}`,
      field,
      desired: shown(one.desired?.[field]),
      reported: shown(one.reported?.[field]),
      differs: differing.has(field),
    }));
  });
}

async function configurations(api: Api, site: string, isDiffering: boolean, signal: AbortSignal): Promise<Configuration[]> {
  const found: Configuration[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page: { configurations: Configuration[]; next: string | null } = await api.get("/api/config", { site, differing: isDiffering, after: after || undefined }, signal);
    found.push(...page.configurations);
    after = page.next;
  }
  return found;
}

export function Configurations({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const { date } = useFormats();
  const [isDiffering, setDiffering] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const loaded = useLoaded(`config ${site.site_id} ${isDiffering}`, (api, signal) => configurations(api, site.site_id, isDiffering, signal), EVERY_MS);
  const lines = useMemo(() => linesOf(loaded.value ?? []), [loaded.value]);
  const columns = useMemo<readonly Column<Line>[]>(
    () => [
      { name: words("health.column.device"), width: "minmax(9rem, 1fr)", cell: (one) => <code>{one.device}</code> },
      { name: words("config.field"), width: "minmax(8rem, 1fr)", cell: (one) => one.field },
      { name: words("config.desired"), width: "minmax(8rem, 1fr)", cell: (one) => <span title={one.desired}>{one.desired}</span> },
      { name: words("config.reported"), width: "minmax(8rem, 1fr)", cell: (one) => <span title={one.reported}>{one.reported}</span> },
      {
        name: words("config.same"),
        width: "8rem",
        cell: (one) => (one.desired === "–" ? "–" : <span className={`mark ${one.differs ? "impaired" : "healthy"}`}>{words(one.differs ? "config.differs" : "config.agrees")}</span>),
      },
      { name: words("config.order"), width: "10rem", cell: (one) => (one.state ? words(`config.order.${one.state as "sent"}`) : "–") },
      { name: words("config.said"), width: "13rem", cell: (one) => (one.said ? date(one.said) : "–") },
    ],
    [words, date],
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const isOperator = hasRole(me, "operator", site.site_id);
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <div className="row">
        <label className="inline">
          <input type="checkbox" checked={isDiffering} onChange={(event) => setDiffering(event.target.checked)} />
          {words("config.onlyDiffering")}
        </label>
        <span className="faint" role="status">
          {words("config.count", { differing: lines.filter((one) => one.differs).length, count: lines.filter((one) => one.desired !== "–").length })}
        </span>
        <span className="end">
          <button type="button" className="main" disabled={!isOperator} title={isOperator ? undefined : words("operations.needsRole")} onClick={() => setAsking(true)}>
            {words("config.change")}
          </button>
        </span>
      </div>
      {lines.length ? (
        <Rows label={words("operations.config")} columns={columns} rows={lines} keyOf={(one) => one.key} />
      ) : (
        <p className="faint">{words(isDiffering ? "config.none" : "register.empty")}</p>
      )}
      {isAsking && <Change site={site} close={() => setAsking(false)} done={loaded.reload} />}
    </>
  );
}

function Change({ site, close, done }: { site: Site; close: () => void; done: () => void }) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    await api.send("POST", "/api/config", { selection: selectionOf(form, site), change: { [form.text("field")]: form.value("value") } });
    done();
  }
  return (
    <Ask title={words("config.change")} action={words("config.send")} send={send} close={close}>
      <Fields />
    </Ask>
  );
}

/** Which devices: those that are named, else all of the kind. */
export function selectionOf(form: Form, site: Site): Record<string, unknown> {
  const devices = form.text("devices").split(/[\s,]+/).filter(Boolean);
  return devices.length ? { devices } : { site: site.site_id, kind: form.text("kind") };
}

/** Which devices; of a change one of the fields that the kind has, and its value. */
export function Fields({ isChange = true }: { isChange?: boolean }) {
  const words = useWords();
  const told = useTold();
  const [kind, setKind] = useState<DeviceKind>("rsu");
  const schema = useLoaded(`schema ${kind}`, (api, signal) => api.get<{ properties?: Record<string, { description?: string }> }>(`/api/config/schemas/${kind}`, {}, signal));
  const properties = Object.entries(schema.value?.properties ?? {});
  return (
    <>
      <label>
        {words("register.kind")}
        <select name="kind" value={kind} onChange={(event) => setKind(event.target.value as DeviceKind)}>
          {DEVICE_KINDS.map((one) => (
            <option key={one} value={one}>
              {told(one)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words("config.devices")}
        <input name="devices" spellCheck={false} aria-describedby="devices-help" />
        <span id="devices-help" className="faint small">
          {words("config.devices.help")}
        </span>
      </label>
      {isChange && (
        <>
          <label>
            {words("config.field")}
            <select name="field">
              {properties.map(([name]) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            {words("config.value")}
            <input name="value" required spellCheck={false} aria-describedby="value-help" />
            <span id="value-help" className="faint small">
              {words("config.value.help")}
            </span>
          </label>
        </>
      )}
    </>
  );
}
