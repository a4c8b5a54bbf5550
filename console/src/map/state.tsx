// How the map does, in its corner: live, lost, silent, refused; how many there are and how often they are drawn.

import { type Failure, RefusedError } from "../api/problem";
import type { Site } from "../api/types";
import { headline, Refusal, Screen } from "../layout/screens";
import { useFormats, useWords } from "../words/words";
import type { Snapshot } from "./live";

const SILENT_S = 3;

/** Whether what is seen is live, and how much of it: never a picture that looks live and is not. */
export function State({ snapshot, site, hasRoads }: { snapshot: Snapshot; site: Site; hasRoads: boolean }) {
  const words = useWords();
  const { number, time } = useFormats();
  const { state, failure, silentS, users, framesPerS, hasPicture, timeUs, unplaced } = snapshot;
  if (state === "refused") return <Refused failure={failure} />;
  const isSilent = state === "open" && silentS > SILENT_S;
  const kind = state === "open" ? (isSilent ? "impaired" : "healthy") : state === "connecting" ? "unheard" : "offline";
  return (
    <>
      <p className="state" data-testid="map-state" data-state={isSilent ? "silent" : state} data-users={users} data-drawn={snapshot.drawn}>
        <span className={`mark ${kind}`} role="status">
          {isSilent ? words("live.silent", { seconds: number(silentS) }) : words(`live.${state}`)}
        </span>
        {hasPicture && (
          <span>
            {words("map.objects", { count: number(users) })} · {words("map.frames", { frames: number(framesPerS, 1) })} · {time(timeUs)}
          </span>
        )}
        {unplaced > 0 && <span className="faint">{words("map.signals.unplaced", { count: unplaced })}</span>}
        {!hasRoads && <span className="faint">{words("map.noRoads", { site: site.site_id })}</span>}
      </p>
      {hasPicture && users === 0 && !isSilent && (
        <div className="note empty">
          <strong>{words("screen.emptySite")}</strong>
          <p>{words("screen.emptySite.more")}</p>
        </div>
      )}
    </>
  );
}

function Refused({ failure }: { failure: Failure | undefined }) {
  const words = useWords();
  return (
    <div className="over">
      <Screen title={failure ? headline(failure, words) : words("live.refused")}>
        {failure instanceof RefusedError && <Refusal problem={failure.problem} />}
      </Screen>
    </div>
  );
}
