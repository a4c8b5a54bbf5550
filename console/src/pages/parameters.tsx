// What a site's applications go by: every parameter with unit, default, bounds and source, changed with a reason, and who changed what.

import { useEffect, useRef, useState } from "react";

import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Table } from "../parts/table";
import { hasRole } from "../session/session";
import { type Key, useFormats, useWords } from "../words/words";

export interface Parameter {
  readonly application: string;
  readonly parameter: string;
  readonly unit: string;
  readonly default: number;
  readonly lowest: number;
  readonly highest: number;
  readonly source: string;
  /** The site's, null where the default counts. */
  readonly own: number | null;
  readonly value: number;
  readonly in_force: number | null;
}

interface Parameters {
  readonly version: number;
  readonly in_force: { readonly version: number; readonly heard_us: number; readonly refused: string } | null;
  readonly parameters: readonly Parameter[];
}

interface Change {
  readonly change_id: number;
  readonly version: number;
  readonly at: string;
  readonly actor: string;
  readonly parameter: string;
  readonly former: number | null;
  readonly latter: number | null;
  readonly note: string;
}

const EVERY_MS = 3000;
const PLAIN = /^-?\d+(\.\d+)?$/;
const SWITCH = "0 or 1"; // the unit of what is on or off

/** What was typed: the number, null for the default again, undefined where that may not be. */
export function readValue(text: string, { lowest, highest, unit }: Pick<Parameter, "lowest" | "highest" | "unit">): number | null | undefined {
  const typed = text.trim();
  if (!typed) return null;
  if (!PLAIN.test(typed)) return undefined; // a comma may part decimals or thousands: nobody guesses which
  const value = Number(typed);
  if (unit === SWITCH) return value === 0 || value === 1 ? value : undefined;
  return value >= lowest && value <= highest ? value : undefined;
}

/** Applications in the catalogue's order, with how many parameters of each are the site's own. */
export function applicationsOf(parameters: readonly Parameter[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const one of parameters) found.set(one.application, (found.get(one.application) ?? 0) + Number(one.own !== null));
  return found;
}

export function ParametersPart({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [application, setApplication] = useState("fcw");
  const [chosen, setChosen] = useState<{ one: Parameter; version: number }>();
  const path = `/api/sites/${site.site_id}/parameters`;
  const loaded = useLoaded(`parameters ${site.site_id}`, (api, signal) => api.get<Parameters>(path, {}, signal), EVERY_MS);
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const { version, in_force: told, parameters } = loaded.value;
  const isOperator = hasRole(me, "operator", site.site_id);
  return (
    <div data-testid="parameters" data-version={version} data-in-force={told?.version}>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <InForce version={version} told={told} />
      <label className="narrow">
        {words("applications.application")}
        <select name="application" value={application} onChange={(event) => setApplication(event.target.value)}>
          {[...applicationsOf(parameters)].map(([name, own]) => (
            <option key={name} value={name}>
              {name}: {words(`parameters.of.${name}` as Key)} {own > 0 && words("parameters.own", { count: own })}
            </option>
          ))}
        </select>
      </label>
      <Listed
        parameters={parameters.filter((one) => one.application === application)}
        choose={isOperator ? (one) => setChosen({ one, version }) : undefined}
      />
      <History path={path} application={application} version={version} />
      {chosen && <Changing path={path} {...chosen} close={() => setChosen(undefined)} done={loaded.reload} />}
    </div>
  );
}

function InForce({ version, told }: Pick<Parameters, "version"> & { told: Parameters["in_force"] }) {
  const words = useWords();
  const { time } = useFormats();
  if (!told) return <p className="faint">{words("parameters.untold", { version })}</p>;
  return (
    <>
      <p>
        <span className={`mark ${told.version === version ? "healthy" : "impaired"}`}>
          {words("parameters.told", { version, inForce: told.version, when: time(told.heard_us) })}
        </span>
      </p>
      {told.refused && (
        <p className="note bad">
          {words("parameters.refused")} <span lang="en">{told.refused}</span>
        </p>
      )}
    </>
  );
}

function Listed({ parameters, choose }: { parameters: readonly Parameter[]; choose: ((one: Parameter) => void) | undefined }) {
  const words = useWords();
  const valued = (one: Parameter, value: number) => (one.unit === SWITCH ? words(value ? "parameters.on" : "parameters.off") : String(value));
  const heads = ["explain.parameter", "parameters.number", "parameters.unit", "parameters.default", "parameters.allowed", "parameters.source"] as const;
  return (
    <Table
      label={words("applications.parameters")}
      heads={[...heads.map((key) => words(key)), ...(choose ? [words("parameters.change")] : [])]}
      rows={parameters}
      keyOf={(one) => one.parameter}
      none={words("parameters.none")}
      cells={(one) => [
        <code key="name">{one.parameter}</code>,
        <span key="value">
          {one.own === null ? valued(one, one.value) : <strong>{valued(one, one.value)}</strong>}
          {one.in_force !== null && one.in_force !== one.value && <span className="mark impaired">{words("parameters.inForce", { value: valued(one, one.in_force) })}</span>}
        </span>,
        one.unit === SWITCH ? "–" : one.unit,
        valued(one, one.default),
        one.unit === SWITCH ? "–" : `${one.lowest} – ${one.highest}`,
        <span key="source" lang="en" className="small">
          {one.source}
        </span>,
        ...(choose
          ? [
              <button key="change" type="button" aria-label={words("parameters.change.one", { parameter: one.parameter })} onClick={() => choose(one)}>
                {words("parameters.change")}
              </button>,
            ]
          : []),
      ]}
    />
  );
}

interface ChangingProps {
  readonly path: string;
  readonly one: Parameter;
  /** Of what was shown when it was chosen. */
  readonly version: number;
  readonly close: () => void;
  readonly done: () => void;
}

function Changing({ path, one, version, close, done }: ChangingProps) {
  const words = useWords();
  const api = useApi();
  const [text, setText] = useState(String(one.value));
  const value = readValue(text, one);
  async function send(form: Form) {
    await api.change(path, { values: { [one.application]: { [one.parameter]: value } }, note: form.text("note") }, version);
    done();
  }
  return (
    <Ask title={words("parameters.ask", { parameter: `${one.application}.${one.parameter}` })} action={words("parameters.change")} send={send} close={close}>
      <p lang="en">{one.source}</p>
      {one.unit === SWITCH ? (
        <label>
          {words("parameters.number")}
          <select name="value" value={text} onChange={(event) => setText(event.target.value)}>
            <option value="1">{words("parameters.on")}</option>
            <option value="0">{words("parameters.off")}</option>
          </select>
        </label>
      ) : (
        <Typed one={one} text={text} setText={setText} isWrong={value === undefined} />
      )}
      <label>
        {words("parameters.note")}
        <input name="note" required maxLength={200} />
      </label>
    </Ask>
  );
}

function Typed({ one, text, setText, isWrong }: { one: Parameter; text: string; setText: (text: string) => void; isWrong: boolean }) {
  const words = useWords();
  const box = useRef<HTMLInputElement>(null);
  const wrong = isWrong ? words("parameters.wrong", { lowest: one.lowest, highest: one.highest, unit: one.unit }) : "";
  useEffect(() => {
    box.current?.setCustomValidity(wrong);
  }, [wrong]);
  return (
    <label>
      {words("parameters.value", { unit: one.unit })}
      <input
        ref={box}
        name="value"
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoFocus
        inputMode="decimal"
        spellCheck={false}
        aria-invalid={isWrong}
        aria-describedby="value-help"
      />
      <span id="value-help" className={isWrong ? "small" : "faint small"} role={isWrong ? "alert" : undefined}>
        {wrong || words("parameters.value.help", { lowest: one.lowest, highest: one.highest, default: one.default })}
      </span>
    </label>
  );
}

function History({ path, application, version }: { path: string; application: string; version: number }) {
  const words = useWords();
  const { date } = useFormats();
  const loaded = useLoaded(`${path} ${application} ${version}`, (api, signal) => api.get<{ changes: readonly Change[] }>(`${path}/history`, { application }, signal));
  const valued = (value: number | null) => (value === null ? words("parameters.default") : String(value));
  return (
    <>
      <h2>{words("parameters.history")}</h2>
      {!loaded.value && (loaded.failure ? <FailureNote failure={loaded.failure} /> : <Loading />)}
      {loaded.value && (
        <Table
          label={words("parameters.history")}
          heads={(["register.audit.when", "register.audit.who", "parameters.version", "explain.parameter", "parameters.former", "parameters.latter", "parameters.note"] as const).map((key) => words(key))}
          rows={loaded.value.changes}
          keyOf={(one) => one.change_id}
          none={words("parameters.history.none")}
          cells={(one) => [date(one.at), one.actor, one.version, <code key="name">{one.parameter}</code>, valued(one.former), valued(one.latter), one.note]}
        />
      )}
    </>
  );
}
