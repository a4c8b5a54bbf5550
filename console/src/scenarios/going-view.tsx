// A paced test as it goes on: from above, with its clock and what has come; where it was broken off, as far as it came.

import "./scenarios.css";

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { useApi } from "../api/use";
import { FailureNote } from "../layout/screens";
import { useFormats, useWords } from "../words/words";
import { CameSoFar } from "./came";
import { followed as followedClock } from "./clock";
import { useFrames } from "./frames";
import { type Followed, GoingRun } from "./going";
import { cameBy, standingSoFar } from "./so-far";
import { TopView } from "./top-view";

/** isRunning: whether it is asked for; what came stays when it is not any more. */
export function GoingView({ path, isRunning }: { path: string; isRunning: boolean }) {
  const api = useApi();
  const run = useMemo(() => new GoingRun(api, path), [api, path]);
  const followed = useSyncExternalStore(run.subscribe, () => run.followed);
  useEffect(() => {
    if (!isRunning) return;
    run.start();
    return () => run.end();
  }, [run, isRunning]);
  return <Shown followed={followed} isRunning={isRunning} />;
}

function Shown({ followed, isRunning }: { followed: Followed; isRunning: boolean }) {
  const words = useWords();
  const { number } = useFormats();
  const [timeS, setTimeS] = useState(0);
  const { state, failure, scene, told, motion } = followed;
  useFrames(isRunning, (passedS) => setTimeS((before) => followedClock(Math.min(before, motion.endS), motion.endS, passedS)));
  const shownS = isRunning ? timeS : motion.endS;
  const now = `${number(shownS, 2)} s`;
  return (
    <section className="card" data-testid="going" data-state={isRunning ? state : "over"} data-instants={motion.instants}>
      <p className="row clock">
        <span role="status">
          <span className={`mark ${isRunning && state === "live" ? "healthy" : isRunning && state !== "connecting" ? "offline" : ""}`}>
            {words(isRunning ? `watch.state.${state}` : "watch.over")}
          </span>
        </span>
        {scene && <span className="time">{words("watch.clock", { now: number(shownS, 2), end: number(scene.end_s, 1) })}</span>}
      </p>
      {isRunning && state === "lost" && <p className="note">{words("watch.lost", { now })}</p>}
      {isRunning && state === "refused" && failure && <FailureNote failure={failure} />}
      {isRunning && state === "connecting" && <p className="faint">{words("watch.connecting")}</p>}
      {!isRunning && scene && <p className="note">{words("watch.broken", { now })}</p>}
      {scene && (
        <>
          <TopView scene={scene} told={told} motion={motion} timeS={shownS} mode="live" />
          <CameSoFar came={cameBy(told.events, shownS)} standing={standingSoFar(told.requirements)} note={words("watch.soFar")} />
        </>
      )}
    </section>
  );
}
