// A new test: which scenario, with which values, how many cases, of what.

import { type SyntheticEvent, useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import type { Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { useTold } from "../words/told";
import { useWords } from "../words/words";
import type { Catalogue, Scenario, Test } from "./api";
import { DESIGNS, PACES, rangeOf, SAMPLED, wantedOf } from "./wanted";

export function NewTest({ site, first }: { site: Site; first: string | undefined }) {
  const words = useWords();
  const told = useTold();
  const known = useLoaded("scenarios", (api, signal) => api.slow<Catalogue>("/api/scenarios", signal)); // the first one asks a process that has to start
  const [chosen, setChosen] = useState(first);
  if (!known.value) return known.failure ? <Failed failure={known.failure} retry={known.reload} /> : <Loading />;
  const { scenarios, devices } = known.value;
  const scenario = scenarios.find((one) => one.scenario === chosen) ?? scenarios[0];
  return (
    <div className="page">
      <p>
        <a href={writeRoute("scenarios", "", { site: site.site_id })}>{words("runs.back")}</a>
      </p>
      <h1>{words("runs.new")}</h1>
      <label className="narrow">
        {words("runs.scenario")}
        <select name="scenario" value={scenario?.scenario} onChange={(event) => setChosen(event.target.value)}>
          {scenarios.map((one) => (
            <option key={one.scenario} value={one.scenario}>
              {told(one.title)}
            </option>
          ))}
        </select>
      </label>
      {scenario && <Setting key={scenario.scenario} site={site} scenario={scenario} devices={devices} />}
    </div>
  );
}

function Setting({ site, scenario, devices }: { site: Site; scenario: Scenario; devices: readonly string[] }) {
  const words = useWords();
  const told = useTold();
  const api = useApi();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const [design, setDesign] = useState("default");

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    api.send<Test>("POST", `/api/sites/${site.site_id}/tests`, wantedOf(new FormData(event.currentTarget), scenario)).then(
      (test) => (window.location.hash = writeRoute("scenarios", `test-${test.test_id}`, { site: site.site_id })),
      (error: unknown) => {
        setFailure(asFailure(error));
        setBusy(false);
      },
    );
  }

  return (
    <form className="setting" onSubmit={submit}>
      <p className="question">{told(scenario.question)}</p>
      {scenario.clause && <p className="faint small">{scenario.clause}</p>}
      {failure && <FailureNote failure={failure} />}
      <fieldset>
        <legend>{words("tests.values")}</legend>
        <p className="faint small">{words("tests.values.more")}</p>
        {!scenario.parameters.length && <p className="faint">{words("tests.values.none")}</p>}
        <div className="fields">
          {scenario.parameters.map((one) => (
            <label key={one.name}>
              {one.name}
              <input name={`set.${one.name}`} placeholder={String(one.default)} autoComplete="off" spellCheck={false} aria-describedby={`about-${one.name}`} />
              <span id={`about-${one.name}`} className="faint small">
                {[rangeOf(one), one.unit].filter(Boolean).join(" ") || words("tests.values.any")}
              </span>
            </label>
          ))}
        </div>
      </fieldset>
      <fieldset>
        <legend>{words("tests.cases")}</legend>
        <div className="fields">
          <label>
            {words("tests.design")}
            <select name="design" value={design} onChange={(event) => setDesign(event.target.value)}>
              {DESIGNS.map((one) => (
                <option key={one} value={one}>
                  {words(`tests.design.${one as "grid"}`)}
                </option>
              ))}
            </select>
          </label>
          {SAMPLED.includes(design) && (
            <>
              <label>
                {words("tests.count")}
                <input name="count" type="number" min={1} max={5000} defaultValue={100} />
              </label>
              <label>
                {words("tests.seed")}
                <input name="seed" type="number" min={0} defaultValue={1} />
              </label>
            </>
          )}
          <label>
            {words("tests.repeats")}
            <input name="repeats" type="number" min={1} max={1000} defaultValue={1} />
          </label>
          <label>
            {words("tests.device")}
            <select name="device">
              {devices.map((one) => (
                <option key={one} value={one}>
                  {one === "none" ? words("tests.device.none") : one}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words("tests.pace")}
            <select name="pace">
              {PACES.map((one) => (
                <option key={one} value={one}>
                  {words(`tests.pace.${one}`)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words("runs.build")}
            <input name="build" maxLength={200} />
          </label>
        </div>
      </fieldset>
      <div className="row">
        <button type="submit" className="main" disabled={isBusy}>
          {words("tests.run")}
        </button>
        <span className="faint small">{words("tests.run.more")}</span>
      </div>
    </form>
  );
}
