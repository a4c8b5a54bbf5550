// A run that is kept, played from its stored rows: at the pace at which it was driven, slower, or by hand.

import "./scenarios.css";

import { useMemo, useState } from "react";

import type { Site } from "../api/types";
import { useLoaded } from "../api/use";
import { FailureNote, Loading } from "../layout/screens";
import { useFormats, useWords } from "../words/words";
import { CameSoFar } from "./came";
import { played } from "./clock";
import { useFrames } from "./frames";
import { Motion } from "./motion";
import { readRun, type Scene, type Told } from "./run";
import { cameBy, standingBy } from "./so-far";
import { TopView } from "./top-view";

const SPEEDS = [0.25, 1, 2] as const;
const STEP_S = 0.02;

interface PlaybackProps {
  readonly site: Site;
  readonly runId: number;
  /** Those that can be played, the one first that is to be seen first. */
  readonly cases: readonly number[];
  readonly isPlaying: boolean;
}

export function Playback({ site, runId, cases, isPlaying }: PlaybackProps) {
  const words = useWords();
  const [chosen, setChosen] = useState(cases[0] ?? 0);
  const path = `/api/sites/${site.site_id}/runs/${runId}/evidence/run-${chosen}.columns`;
  const loaded = useLoaded(`played ${path}`, (api, signal) => api.bytes(path, {}, signal).then(readPlayed));
  return (
    <section className="card" data-testid="playback" data-case={chosen}>
      <div className="row">
        <h2>{words("watch.playback")}</h2>
        <span className="faint">{words("watch.playback.more")}</span>
        {cases.length > 1 && (
          <label className="inline end">
            {words("runs.case")}
            <select value={chosen} onChange={(event) => setChosen(Number(event.target.value))}>
              {[...cases].sort((one, other) => one - other).map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {loaded.value ? <Player key={path} played={loaded.value} isPlaying={isPlaying} /> : loaded.failure ? <FailureNote failure={loaded.failure} /> : <Loading />}
    </section>
  );
}

interface Played {
  readonly header: Scene & Told;
  readonly motion: Motion;
}

function readPlayed(buffer: ArrayBuffer): Played {
  const { header, table } = readRun<Scene & Told>(buffer);
  const motion = new Motion();
  motion.add(table);
  return { header, motion };
}

function Player({ played: { header, motion }, isPlaying: isPlayingFirst }: { played: Played; isPlaying: boolean }) {
  const words = useWords();
  const { number } = useFormats();
  const endS = header.end_s;
  const steps = Math.ceil(endS / STEP_S - 1e-6);
  const [timeS, setTimeS] = useState(0);
  const [isPlaying, setPlaying] = useState(isPlayingFirst && !window.matchMedia("(prefers-reduced-motion: reduce)").matches);
  const [speed, setSpeed] = useState<number>(1);
  const isMoving = isPlaying && timeS < endS;
  useFrames(isMoving, (passedS) => setTimeS((before) => played(before, endS, passedS, speed)));
  const came = useMemo(() => cameBy(header.events, timeS), [header, timeS]);

  function play() {
    if (!isMoving && timeS >= endS) setTimeS(0);
    setPlaying(!isMoving);
  }

  return (
    <>
      <TopView scene={header} told={header} motion={motion} timeS={timeS} mode="playback" />
      <div className="row clock">
        <button type="button" className="main" onClick={play}>
          {words(isMoving ? "time.pause" : "time.play")}
        </button>
        <input
          type="range"
          aria-label={words("watch.instant")}
          aria-valuetext={`${number(timeS, 2)} s`}
          min={0}
          max={steps}
          value={Math.round(timeS / STEP_S)}
          onChange={({ target: { value } }) => {
            setPlaying(false);
            setTimeS(Number(value) < steps ? Number(value) * STEP_S : endS);
          }}
        />
        <span className="time">{words("watch.clock", { now: number(timeS, 2), end: number(endS, 2) })}</span>
        <span className="group" role="group" aria-label={words("watch.speed")}>
          {SPEEDS.map((one) => (
            <button key={one} type="button" aria-pressed={speed === one} onClick={() => setSpeed(one)}>
              {one}×
            </button>
          ))}
        </span>
      </div>
      <CameSoFar came={came} standing={standingBy(header.requirements, timeS, endS)} note={words("watch.byThen")} />
    </>
  );
}
