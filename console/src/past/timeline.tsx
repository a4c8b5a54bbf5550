// The time itself: scrub, play, step, go from warning to warning, share where one is.

import { useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import type { Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { FailureNote } from "../layout/screens";
import { useFormats, useWords, useZone } from "../words/words";
import { clockIn, instantIn } from "../words/zones";
import { addressOf } from "./address";
import { type Moment, newestUs, type Player, type Speed, SPEEDS } from "./player";
import { MOST_MARKS, type StoredWarning, warningFrom, warningsIn } from "./warnings";

const SPANS_S = [60, 600, 3600, 86_400] as const;
type SpanS = (typeof SPANS_S)[number];
const STEP_US = 100_000; // as often as is reported
const MARKS_MS = 10_000;

interface TimelineProps {
  readonly player: Player;
  readonly moment: Moment;
  readonly site: Site;
}

/** The span of the slider around an instant: it stays where it is until the instant leaves it. */
export function spanAround(us: number, lengthUs: number, before: number, newest: number): number {
  if (us >= before && us <= before + lengthUs && before + lengthUs <= newest + lengthUs / 2) return before;
  return Math.min(us - lengthUs / 2, newest - lengthUs);
}

export function Timeline({ player, moment, site }: TimelineProps) {
  const words = useWords();
  const { date } = useFormats();
  const [spanS, setSpanS] = useState<SpanS>(600);
  const [kept, setKept] = useState(0);
  const lengthUs = spanS * 1e6;
  const fromUs = Math.round(spanAround(moment.timeUs, lengthUs, kept, newestUs()));
  if (fromUs !== kept) setKept(fromUs);
  const marks = useLoaded(
    `marks ${site.site_id} ${fromUs} ${spanS}`,
    (api, signal) => warningsIn(api, site.site_id, fromUs, fromUs + lengthUs, signal),
    MARKS_MS,
  );
  const found = marks.value?.warnings ?? [];
  return (
    <div className="timeline">
      {marks.failure && !moment.failure && <FailureNote failure={marks.failure} />}
      <div className="track">
        <input
          type="range"
          aria-label={words("time.instant")}
          aria-valuetext={date(new Date(moment.timeUs / 1000).toISOString())}
          min={0}
          max={lengthUs / STEP_US}
          value={Math.round((moment.timeUs - fromUs) / STEP_US)}
          onChange={(event) => player.seek(fromUs + Number(event.target.value) * STEP_US)}
        />
        <Marks warnings={found} fromUs={fromUs} lengthUs={lengthUs} />
      </div>
      <div className="row">
        <Playing player={player} moment={moment} />
        <Jumps player={player} moment={moment} site={site} />
        <label className="inline">
          {words("time.span")}
          <select value={spanS} onChange={(event) => setSpanS(Number(event.target.value) as SpanS)}>
            {SPANS_S.map((one) => (
              <option key={one} value={one}>
                {words(`time.span.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <span className="faint" data-testid="marks" data-count={found.length}>
          {words(found.length >= MOST_MARKS ? "time.marks.most" : "time.marks", { count: found.length })}
        </span>
        <Share site={site} timeUs={moment.timeUs} />
      </div>
    </div>
  );
}

function Marks({ warnings, fromUs, lengthUs }: { warnings: readonly StoredWarning[]; fromUs: number; lengthUs: number }) {
  return (
    <svg className="marks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
      {warnings.map((one) => (
        <rect key={one.warning_id} className={one.level > 1 ? "imminent" : "warned"} x={((one.raised_us - fromUs) / lengthUs) * 1000 - 1} y="0" width="2" height="10" />
      ))}
    </svg>
  );
}

function Playing({ player, moment }: Omit<TimelineProps, "site">) {
  const words = useWords();
  return (
    <div className="group" role="group" aria-label={words("time.playing")}>
      <button type="button" title={words("time.stepBack")} onClick={() => player.seek(moment.timeUs - STEP_US)}>
        −0.1 s
      </button>
      <button type="button" className="main" onClick={() => player.play(!moment.isPlaying)}>
        {words(moment.isPlaying ? "time.pause" : "time.play")}
      </button>
      <button type="button" title={words("time.stepOn")} onClick={() => player.seek(moment.timeUs + STEP_US)}>
        +0.1 s
      </button>
      {SPEEDS.map((speed: Speed) => (
        <button key={speed} type="button" aria-pressed={moment.speed === speed} onClick={() => player.setSpeed(speed)}>
          {speed}×
        </button>
      ))}
    </div>
  );
}

/** To the warning before, to the one after, and to any time. */
function Jumps({ player, moment, site }: TimelineProps) {
  const words = useWords();
  const api = useApi();
  const [answer, setAnswer] = useState<{ atUs: number; told: Failure | "none" }>();
  const told = answer?.atUs === moment.timeUs ? answer.told : undefined; // it is of that instant

  function go(isLater: boolean) {
    const atUs = moment.timeUs;
    player.play(false);
    warningFrom(api, site.site_id, moment.timeUs, isLater).then(
      (found) => (found ? player.seek(found.raised_us) : setAnswer({ atUs, told: "none" })),
      (error: unknown) => setAnswer({ atUs, told: asFailure(error) }),
    );
  }

  return (
    <>
      <div className="group" role="group" aria-label={words("map.warnings")}>
        <button type="button" onClick={() => go(false)}>
          {words("time.warning.before")}
        </button>
        <button type="button" onClick={() => go(true)}>
          {words("time.warning.after")}
        </button>
      </div>
      {told === "none" && <span role="status">{words("time.warning.none")}</span>}
      {told && told !== "none" && <FailureNote failure={told} />}
      <GoTo player={player} moment={moment} />
    </>
  );
}

/** A field in which a time is typed digit by digit: one goes there when it is left, or with Enter. */
function GoTo({ player, moment }: Omit<TimelineProps, "site">) {
  const words = useWords();
  const zone = useZone();
  const [typed, setTyped] = useState<string>();

  function go() {
    const at = Date.parse(instantIn(zone, typed ?? "") ?? "");
    if (at >= 0) player.seek(at * 1000);
    setTyped(undefined);
  }

  return (
    <label className="inline">
      {words("time.goTo")}
      <input
        type="datetime-local"
        step="1"
        value={typed ?? clockIn(zone, moment.timeUs / 1000)}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={go}
        onKeyDown={(event) => {
          if (event.key === "Enter") go();
        }}
      />
    </label>
  );
}

function Share({ site, timeUs }: { site: Site; timeUs: number }) {
  const words = useWords();
  const address = new URL(addressOf(site.site_id, timeUs), window.location.href).href;
  const [copied, setCopied] = useState("");
  return (
    <span className="end">
      <a href={address}>{words("time.link")}</a>{" "}
      {window.isSecureContext && (
        <button type="button" onClick={() => void navigator.clipboard.writeText(address).then(() => setCopied(address))}>
          {words(copied === address ? "register.secret.copied" : "time.share")}
        </button>
      )}
    </span>
  );
}
