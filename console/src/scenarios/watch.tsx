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
  const api = useApi();
  const [failure, setFailure] = useState<Failure>();
  const path = `/api/sites/${site.site_id}/tests/${encodeURIComponent(testId)}`;
  const loaded = useLoaded(`test ${site.site_id} ${testId}`, (api, signal) => api.get<Test>(path, {}, signal), EVERY_MS);
  const test = loaded.value;
  useVerdict(test, site);
  if (!test) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const isTester = hasRole(me, "tester", site.site_id);
  const isWatched = test.wanted.is_paced && isTester && test.state === "running"; // which says itself when nobody answers

  function stop() {
    api.send("POST", `${path}/stop`).then(loaded.reload, (error: unknown) => setFailure(asFailure(error)));
  }

  return (
    <div className="page" data-testid="test" data-state={test.state}>
      <About test={test} site={site} stop={isTester && !isOver(test) ? stop : undefined} />
      {failure && <FailureNote failure={failure} />}
      {loaded.failure && !isWatched && <FailureNote failure={loaded.failure} />}
      {!isOver(test) && !test.wanted.is_paced && <Going test={test} />}
      {test.state !== "waiting" && <Seen test={test} path={`${path}/motion`} isTester={isTester} />}
    </div>
  );
}

/** The verdict takes the place of the waiting, so that going back does not lead to it again; it plays what was not seen here. */
function useVerdict(test: Test | undefined, site: Site): void {
  const run = test?.state === "done" ? test.run_id : null;
  const isPaced = test?.wanted.is_paced ?? false;
  useEffect(() => {
    if (run !== null) window.location.replace(writeRoute("scenarios", `run-${run}`, { site: site.site_id, ...(isPaced ? {} : { play: "1" }) }));
  }, [run, isPaced, site.site_id]);
}

/** What there is to see of it: motion where it is paced, else why there is none. */
function Seen({ test, path, isTester }: { test: Test; path: string; isTester: boolean }) {
  const words = useWords();
  const isRunning = test.state === "running";
  if (!test.wanted.is_paced) return isRunning && <p className="note">{words("watch.fast")}</p>;
  return isTester ? <GoingView path={path} isRunning={isRunning} /> : <p className="faint">{words("watch.needsRole")}</p>;
}

function About({ test, site, stop }: { test: Test; site: Site; stop: (() => void) | undefined }) {
  const words = useWords();
  const { date } = useFormats();
  const { design, device, build, set } = test.wanted;
  const said = [words(`tests.design.${design as "grid"}`), device === "none" ? words("tests.device.none") : device, build, ...Object.entries(set).map(([name, value]) => `${name} = ${value}`)];
  return (
    <>
      <p>
        <a href={writeRoute("scenarios", "", { site: site.site_id })}>{words("runs.back")}</a>
      </p>
      <h1>{words("tests.title", { number: test.test_id, scenario: test.wanted.scenario })}</h1>
      <p className="faint">
        {test.asked_by} · {date(test.asked)} · {said.filter(Boolean).join(" · ")}
      </p>
      <p className="row">
        <span role="status">
          <span className={`mark ${test.state === "failed" || test.state === "refused" ? "fail" : ""}`}>{words(`tests.state.${test.state}`)}</span>
        </span>
        {stop && (
          <button type="button" onClick={stop}>
            {words("tests.stop")}
          </button>
        )}
      </p>
      {test.detail && <p className={`note ${test.state === "stopped" ? "" : "bad"}`}>{test.detail}</p>}
    </>
  );
}

function Going({ test }: { test: Test }) {
  const words = useWords();
  const { number } = useFormats();
  return (
    <>
      <progress aria-label={words("tests.progress")} max={test.cases ?? undefined} value={test.cases === null ? undefined : (test.done ?? 0)} />
      {test.cases !== null && <p>{words("tests.done", { done: number(test.done ?? 0), cases: number(test.cases) })}</p>}
    </>
  );
}
