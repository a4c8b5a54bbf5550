// One test while it waits and runs: how far it is, and where its verdict is when it is over.

import { useEffect, useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { writeRoute } from "../layout/route";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";
import { isOver, type Test } from "./api";
import { GoingView } from "./going-view";

const EVERY_MS = 500;

export function Watch({ me, site, testId }: { me: Me; site: Site; testId: string }) {
  const words = useWords();
  const api = useApi();
  const { date } = useFormats();
  const [failure, setFailure] = useState<Failure>();
  const path = `/api/sites/${site.site_id}/tests/${encodeURIComponent(testId)}`;
  const loaded = useLoaded(`test ${site.site_id} ${testId}`, (api, signal) => api.get<Test>(path, {}, signal), EVERY_MS);
  const test = loaded.value;
  const run = test?.state === "done" ? test.run_id : null;
  const isPaced = test?.wanted.is_paced ?? false;
  useEffect(() => {
    // The verdict takes the place of the waiting, so that going back does not lead to it again.
    // It plays there what there was no time to see here.
    if (run !== null) window.location.replace(writeRoute("scenarios", `run-${run}`, { site: site.site_id, ...(isPaced ? {} : { play: "1" }) }));
  }, [run, isPaced, site.site_id]);
  if (!test) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const isTester = hasRole(me, "tester", site.site_id);
  const isWatched = isPaced && isTester && test.state === "running"; // which says itself when nobody answers
  const values = Object.entries(test.wanted.set).map(([name, value]) => `${name} = ${value}`);

  function stop() {
    api.send("POST", `${path}/stop`).then(loaded.reload, (error: unknown) => setFailure(asFailure(error)));
  }

  return (
    <div className="page" data-testid="test" data-state={test.state}>
      <p>
        <a href={writeRoute("scenarios", "", { site: site.site_id })}>{words("runs.back")}</a>
      </p>
      <h1>{words("tests.title", { number: test.test_id, scenario: test.wanted.scenario })}</h1>
      {failure && <FailureNote failure={failure} />}
      {loaded.failure && !isWatched && <FailureNote failure={loaded.failure} />}
      <p role="status">
        <span className={`mark ${test.state === "failed" || test.state === "refused" ? "fail" : ""}`}>{words(`tests.state.${test.state}`)}</span>
      </p>
      {test.detail && <p className={`note ${test.state === "stopped" ? "" : "bad"}`}>{test.detail}</p>}
      {!isOver(test) && <Going test={test} stop={isTester ? stop : undefined} />}
      {isPaced && test.state !== "waiting" && (isTester ? <GoingView path={`${path}/motion`} isRunning={test.state === "running"} /> : <p className="faint">{words("watch.needsRole")}</p>)}
      {!isPaced && test.state === "running" && <p className="note">{words("watch.fast")}</p>}
      <p className="faint">
        {test.asked_by} · {date(test.asked)} · {[test.wanted.design, test.wanted.device, test.wanted.build, ...values].filter(Boolean).join(" · ")}
      </p>
    </div>
  );
}

function Going({ test, stop }: { test: Test; stop: (() => void) | undefined }) {
  const words = useWords();
  const { number } = useFormats();
  return (
    <>
      <progress aria-label={words("tests.progress")} max={test.cases ?? undefined} value={test.cases === null ? undefined : (test.done ?? 0)} />
      {test.cases !== null && <p>{words("tests.done", { done: number(test.done ?? 0), cases: number(test.cases) })}</p>}
      {stop && (
        <p>
          <button type="button" onClick={stop}>
            {words("tests.stop")}
          </button>
        </p>
      )}
    </>
  );
}
