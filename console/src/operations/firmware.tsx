// Packages that makers signed: what is here, a new one with its file, and which devices may have it.

import { useState } from "react";

import type { Me } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Table } from "../parts/table";
import { hasRole } from "../session/session";
import { useFormats, useWords, type Words } from "../words/words";

const COMPONENTS = ["firmware", "model"] as const;

export interface Package {
  readonly package_id: number;
  readonly component: (typeof COMPONENTS)[number];
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly key: string;
  readonly created: string;
  readonly is_there: boolean;
}

interface Rule {
  readonly rule_id: number;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly from_version: string | null;
}

interface SigningKey {
  readonly name: string;
  readonly public_key: string;
  readonly revoked: string | null;
  readonly created: string;
}

type Asking = { what: "package" } | { what: "key" } | { what: "rule"; of: Package };

export function Firmware({ me }: { me: Me }) {
  const words = useWords();
  const { date, number } = useFormats();
  const [asking, setAsking] = useState<Asking>();
  const loaded = useLoaded("firmware", async (api, signal) => {
    const packages = await api.get<readonly Package[]>("/api/packages", {}, signal);
    const rules = await Promise.all(packages.map((one) => api.get<readonly Rule[]>(`/api/packages/${one.package_id}/rules`, {}, signal)));
    return { packages, rules: new Map(packages.map((one, at) => [one.package_id, rules[at] ?? []])), keys: await api.get<readonly SigningKey[]>("/api/signing-keys", {}, signal) };
  });
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { packages, rules, keys } = loaded.value;
  const isOperator = hasRole(me, "operator", null);
  const close = () => setAsking(undefined);
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <div className="row">
        <h2>{words("firmware.packages")}</h2>
        <span className="end">
          <button type="button" className="main" disabled={!isOperator} title={isOperator ? undefined : words("operations.needsAll")} onClick={() => setAsking({ what: "package" })}>
            {words("firmware.add")}
          </button>
        </span>
      </div>
      <Table
        label={words("firmware.packages")}
        heads={[words("register.column.name"), words("firmware.version"), words("firmware.component"), words("firmware.size"), words("firmware.maker"), words("firmware.rules"), words("firmware.since"), ""]}
        rows={packages}
        keyOf={(one) => one.package_id}
        none={words("firmware.none")}
        cells={(one) => [
          one.name,
          one.version,
          words(`firmware.component.${one.component}`),
          <>
            {number(one.bytes / 1024, 1)} kB {!one.is_there && <span className="mark offline">{words("firmware.gone")}</span>}
          </>,
          one.key,
          (rules.get(one.package_id) ?? []).map((rule) => allowed(rule, words)).join("; ") || words("firmware.rules.none"),
          date(one.created),
          isOperator && (
            <button type="button" onClick={() => setAsking({ what: "rule", of: one })}>
              {words("firmware.rule.add")}
            </button>
          ),
        ]}
      />
      <div className="row">
        <h2>{words("firmware.keys")}</h2>
        <span className="end">
          <button type="button" disabled={!hasRole(me, "administrator", null)} onClick={() => setAsking({ what: "key" })}>
            {words("firmware.key.add")}
          </button>
        </span>
      </div>
      <Table
        label={words("firmware.keys")}
        heads={[words("register.column.name"), words("firmware.publicKey"), words("firmware.since"), words("people.state")]}
        rows={keys}
        keyOf={(one) => one.name}
        none={words("firmware.keys.none")}
        cells={(one) => [one.name, <code key="key">{one.public_key.slice(0, 16)}…</code>, date(one.created), one.revoked ? words("firmware.revoked") : words("firmware.counts")]}
      />
      {asking?.what === "package" && <Upload keys={keys.filter((one) => !one.revoked)} close={close} done={loaded.reload} />}
      {asking?.what === "key" && <AddKey close={close} done={loaded.reload} />}
      {asking?.what === "rule" && <AddRule of={asking.of} close={close} done={loaded.reload} />}
    </>
  );
}

/** Whom a rule admits, in words. */
function allowed({ vendor, model, from_version: from }: Rule, words: Words): string {
  const bounds = [vendor, model, from && words("firmware.rules.from", { version: from })].filter(Boolean);
  return bounds.join(", ") || words("firmware.rules.any");
}

interface Closing {
  readonly close: () => void;
  readonly done: () => void;
}

function Upload({ keys, close, done }: Closing & { keys: readonly SigningKey[] }) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    const names = ["component", "name", "version", "key", "signature"] as const;
    const asked = Object.fromEntries(names.map((name) => [name, form.text(name)]));
    await api.upload<Package>("/api/packages", form.file("file") ?? new Blob(), "application/octet-stream", asked);
    done();
  }
  return (
    <Ask title={words("firmware.add")} action={words("firmware.upload")} send={send} close={close}>
      <label>
        {words("firmware.file")}
        <input name="file" type="file" required />
      </label>
      <label>
        {words("firmware.component")}
        <select name="component">
          {COMPONENTS.map((one) => (
            <option key={one} value={one}>
              {words(`firmware.component.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words("register.column.name")}
        <input name="name" required spellCheck={false} />
      </label>
      <label>
        {words("firmware.version")}
        <input name="version" required spellCheck={false} />
      </label>
      <label>
        {words("firmware.maker")}
        <select name="key" required>
          {keys.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      </label>
      <label>
        {words("firmware.signature")}
        <input name="signature" required spellCheck={false} aria-describedby="signature-help" />
        <span id="signature-help" className="faint small">
          {words("firmware.signature.help")}
        </span>
      </label>
    </Ask>
  );
}

function AddKey({ close, done }: Closing) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    await api.send("POST", "/api/signing-keys", { name: form.text("name"), public_key: form.text("public_key") });
    done();
  }
  return (
    <Ask title={words("firmware.key.add")} action={words("firmware.key.add")} send={send} close={close}>
      <label>
        {words("register.column.name")}
        <input name="name" required spellCheck={false} />
      </label>
      <label>
        {words("firmware.publicKey")}
        <input name="public_key" required spellCheck={false} />
      </label>
    </Ask>
  );
}

function AddRule({ of, close, done }: Closing & { of: Package }) {
  const words = useWords();
  const api = useApi();
  async function send(form: Form) {
    await api.send("POST", `/api/packages/${of.package_id}/rules`, { vendor: form.some("vendor"), model: form.some("model"), from_version: form.some("from_version") });
    done();
  }
  return (
    <Ask title={words("firmware.rule.title", { name: of.name, version: of.version })} action={words("firmware.rule.add")} send={send} close={close}>
      <p className="faint">{words("firmware.rule.more")}</p>
      {(["vendor", "model", "from_version"] as const).map((name) => (
        <label key={name}>
          {words(`firmware.rule.${name}`)}
          <input name={name} spellCheck={false} />
        </label>
      ))}
    </Ask>
  );
}
