// How the map of the past does: which instant, whether all of it is there, and what is not stored.

import type { Site } from "../api/types";
import { FailureNote } from "../layout/screens";
import { useFormats, useWords } from "../words/words";
import type { Moment } from "./player";

export function PastState({ moment, site, hasRoads }: { moment: Moment; site: Site; hasRoads: boolean }) {
  const words = useWords();
  const { number, date } = useFormats();
  const { state, failure, timeUs, users, unplaced, hasReports, drawn } = moment;
  const kind = failure ? "offline" : state === "ready" ? "healthy" : state === "loading" ? "unheard" : "impaired";
  return (
    <>
      {failure && <FailureNote failure={failure} />}
      {!failure && state !== "loading" && !hasReports && <p className="note">{words("time.nothing")}</p>}
      <p className="told" data-testid="past-state" data-state={failure ? "failed" : state} data-users={users} data-drawn={drawn} data-at={timeUs}>
        <span className={`mark ${kind}`} role="status">
          {words(`time.${failure ? "failed" : state}`)}
        </span>
        <strong>
          {date(new Date(timeUs / 1000).toISOString())}.{String(Math.floor((timeUs / 1000) % 1000)).padStart(3, "0")}
        </strong>
        {state !== "loading" && <span>{words("map.objects", { count: number(users) })}</span>}
        {unplaced > 0 && <span className="faint">{words("map.signals.unplaced", { count: unplaced })}</span>}
        {!hasRoads && <span className="faint">{words("map.noRoads", { site: site.site_id })}</span>}
      </p>
    </>
  );
}
