// Devices that want to join: what each says it is, and the one action that registers it; the keys with which they may come.

import { useState } from "react";

import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading, NoRights } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { DeviceKind, Identifier, Name } from "../parts/asked";
import { Table } from "../parts/table";
import { Secret } from "../register/secret";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords, useZone } from "../words/words";
import { End } from "./track";

interface Waiting {
  readonly serial: string;
  readonly fingerprint: string;
  readonly key: string;
  readonly address: string | null;
  readonly site_id: string;
  readonly said: Readonly<Record<string, unknown>>;
  readonly last_heard: string;
  readonly kept: number;
}

interface ProvisioningKey {
  readonly name: string;
  readonly site_id: string;
  readonly max_joins: number;
  readonly joins: number;
  readonly expires: string;
  readonly is_live: boolean;
}

const EVERY_MS = 2000;
const said = (one: Waiting, name: string) => (typeof one.said[name] === "string" ? one.said[name] : "");

export function Inbox({ me, site }: { me: Me; site: Site }) {
  return hasRole(me, "operator", site.site_id) ? <Both site={site} /> : <NoRights me={me} role="operator" site={site.site_id} />;
}

function Both({ site }: { site: Site }) {
  const words = useWords();
  const told = useTold();
  const { date, number } = useFormats();
  const [chosen, setChosen] = useState<Waiting>();
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<{ name: string; key: string }>();
  const loaded = useLoaded(
    `inbox ${site.site_id}`,
    async (api, signal) => {
      const [waiting, keys] = await Promise.all([api.get<readonly Waiting[]>("/api/inbox", {}, signal), api.get<readonly ProvisioningKey[]>("/api/provisioning-keys", {}, signal)]);
      return { waiting: waiting.filter((one) => one.site_id === site.site_id), keys: keys.filter((one) => one.site_id === site.site_id) };
    },
    EVERY_MS,
  );
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { waiting, keys } = loaded.value;
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <section className="card">
        <h2>{words("inbox.waiting")}</h2>
        <p className="faint small">{words("inbox.about")}</p>
        <Table
          label={words("inbox.waiting")}
          heads={[words("inbox.serial"), words("inbox.says"), words("inbox.fingerprint"), words("inbox.from"), words("register.column.heard"), words("inbox.kept"), ""]}
          rows={waiting}
          keyOf={(one) => `${one.serial} ${one.fingerprint}`}
          none={words("inbox.none")}
          cells={(one) => [
            <code key="serial">{one.serial}</code>,
            [told(said(one, "kind")), said(one, "subtype"), said(one, "model"), said(one, "id")].filter(Boolean).join(" · ") || "–",
            <code key="fingerprint">{one.fingerprint}</code>,
            one.address ?? "–",
            date(one.last_heard),
            number(one.kept),
            <span key="do" className="row">
              <button type="button" className="main" onClick={() => setChosen(one)}>
                {words("register.add.submit")}
              </button>
              <End path={`/api/inbox/${encodeURIComponent(one.serial)}?fingerprint=${encodeURIComponent(one.fingerprint)}`} word={words("inbox.refuse")} done={loaded.reload} />
            </span>,
          ]}
        />
      </section>
      <section className="card">
        <div className="row">
          <h2>{words("inbox.keys")}</h2>
          <span className="end">
            <button type="button" onClick={() => setAdding(true)}>
              {words("inbox.keys.add")}
            </button>
          </span>
        </div>
        <Table
          label={words("inbox.keys")}
          heads={[words("register.column.name"), words("inbox.joins"), words("people.expires"), words("people.state"), ""]}
          rows={keys}
          keyOf={(one) => one.name}
          none={words("inbox.keys.none")}
          cells={(one) => [
            one.name,
            `${one.joins} / ${one.max_joins}`,
            date(one.expires),
            words(one.is_live ? "firmware.counts" : "inbox.keys.over"),
            one.is_live && <End key="end" path={`/api/provisioning-keys/${encodeURIComponent(one.name)}`} word={words("track.revoke")} done={loaded.reload} />,
          ]}
        />
      </section>
      {chosen && <Register waiting={chosen} close={() => setChosen(undefined)} done={loaded.reload} />}
      {isAdding && <AddKey site={site} close={() => setAdding(false)} done={loaded.reload} show={setMade} />}
      {made && <Secret device={made.name} secret={made.key} note={words("inbox.keys.once")} close={() => setMade(undefined)} />}
    </>
  );
}

interface Closing {
  readonly close: () => void;
  readonly done: () => void;
}

/** What it said of itself is there already; the fingerprint is for whoever has the device in front of them. */
function Register({ waiting, close, done }: Closing & { waiting: Waiting }) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    const body = { fingerprint: waiting.fingerprint, device_id: form.some("device_id"), kind: form.some("kind"), name: form.text("name") };
    await api.send("POST", `/api/inbox/${encodeURIComponent(waiting.serial)}/register`, body);
    done();
  }
  return (
    <Ask title={words("inbox.register", { serial: waiting.serial })} action={words("register.add.submit")} send={send} close={close}>
      <p>
        {words("inbox.compare")} <code className="secret">{waiting.fingerprint}</code>
      </p>
      <Identifier name="device_id" given={said(waiting, "id")} />
      <DeviceKind given={said(waiting, "kind")} />
      <Name />
    </Ask>
  );
}

function AddKey({ site, close, done, show }: Closing & { site: Site; show: (made: { name: string; key: string }) => void }) {
  const words = useWords();
  const api = useApi();
  const zone = useZone();
  async function send(form: Form) {
    const body = { name: form.text("name"), site_id: site.site_id, max_joins: form.number("max_joins"), expires: form.instant("expires", zone) ?? null };
    show(await api.send<{ name: string; key: string }>("POST", "/api/provisioning-keys", body));
    done();
  }
  return (
    <Ask title={words("inbox.keys.add")} action={words("inbox.keys.add")} send={send} close={close}>
      <label>
        {words("register.column.name")}
        <input name="name" required spellCheck={false} />
      </label>
      <label>
        {words("inbox.mostJoins")}
        <input name="max_joins" type="number" min={1} max={1000} defaultValue={1} required />
      </label>
      <label>
        {words("inbox.keys.expires")}
        <input name="expires" type="datetime-local" />
      </label>
    </Ask>
  );
}
