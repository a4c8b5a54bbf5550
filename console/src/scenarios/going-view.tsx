// A paced test as it goes on: from above, with its clock and what has come; where it was broken off, as far as it came.

import "./scenarios.css";

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { useApi } from "../api/use";
import { FailureNote } from "../layout/screens";
import { useFormats, useWords } from "../words/words";
import { CameSoFar } from "./came";
import { followed as followedClock } from "./clock";
import { useFrames } from "./frames";
import { type Followed, GoingRun, type GoingState } from "./going";
import type { Motion } from "./motion";
import type { Scene, Told } from "./run";
import { cameBy, standingSoFar } from "./so-far";
import { TopView } from "./top-view";

const MARKS: Readonly<Record<GoingState, string>> = { connecting: "", live: "healthy", lost: "offline", refused: "offline" };

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
  const { number } = useFormats();
  const [timeS, setTimeS] = useState(0);
  const { state, scene, told, motion } = followed;
  useFrames(isRunning, (passedS) => setTimeS((before) => followedClock(Math.min(before, motion.endS), motion.endS, passedS)));
  const shownS = isRunning ? timeS : motion.endS;
  if (!isRunning && !scene) return null; // nothing of it was seen here
  return (
    <section className="card" data-testid="going" data-state={isRunning ? state : "over"} data-instants={motion.instants}>
      <Clock followed={followed} isRunning={isRunning} shownS={shownS} />
      <Note followed={followed} isRunning={isRunning} now={`${number(shownS, 2)} s`} />
      {scene && <SeenAt scene={scene} told={told} motion={motion} timeS={shownS} isRunning={isRunning} />}
    </section>
  );
}

function Clock({ followed: { state, scene }, isRunning, shownS }: { followed: Followed; isRunning: boolean; shownS: number }) {
  const words = useWords();
  const { number } = useFormats();
  return (
    <p className="row clock">
      <span role="status">
        <span className={`mark ${isRunning ? MARKS[state] : ""}`}>{words(isRunning ? `watch.state.${state}` : "watch.over")}</span>
      </span>
      {scene && <span className="time">{words("watch.clock", { now: number(shownS, 2), end: number(scene.end_s, 1) })}</span>}
    </p>
  );
}

/** What there is to say of what is shown. */
function Note({ followed: { state, failure, scene }, isRunning, now }: { followed: Followed; isRunning: boolean; now: string }) {
  const words = useWords();
  if (!isRunning) return scene && <p className="note">{words("watch.broken", { now })}</p>;
  if (state === "lost") return <p className="note">{words("watch.lost", { now })}</p>;
  if (state === "connecting") return <p className="faint">{words("watch.connecting")}</p>;
  return failure && <FailureNote failure={failure} />;
}

function SeenAt({ scene, told, motion, timeS, isRunning }: { scene: Scene; told: Told; motion: Motion; timeS: number; isRunning: boolean }) {
  const words = useWords();
  return (
    <>
      <TopView scene={scene} told={told} motion={motion} timeS={timeS} mode="live" />
      <CameSoFar came={cameBy(told.events, timeS)} standing={standingSoFar(told.requirements)} note={isRunning ? words("watch.soFar") : ""} />
    </>
  );
}
