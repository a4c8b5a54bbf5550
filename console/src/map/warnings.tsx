// Warnings in words, as they are raised, change and end; each leads to where it is. A screen reader is told of new ones.

import type { Device } from "../api/types";
import { useFormats, useWords } from "../words/words";
import { nameOf } from "./names";
import type { Warning } from "./picture";
import type { Shown, WarningsNow } from "./shown";

const MOST_LISTED = 12;

interface WarningListProps {
  readonly map: Shown;
  readonly snapshot: WarningsNow;
  readonly devices: readonly Device[] | undefined;
}

export function WarningList({ map, snapshot, devices }: WarningListProps) {
  const words = useWords();
  const { warnings, moreWarnings } = snapshot;
  const unlisted = Math.max(warnings.length - MOST_LISTED, 0) + moreWarnings;
  const newest = warnings.reduce<Warning | undefined>((one, two) => (one && one.raised_us > two.raised_us ? one : two), undefined);
  return (
    <section className="card warnings" aria-label={words("map.warnings")}>
      <h2>{words("map.warnings")}</h2>
      <p className="unseen" aria-live="polite">
        {newest && words("map.warning.raised", { application: newest.application.toUpperCase(), who: nameOf(map.picture, newest.host, devices) })}
      </p>
      {!warnings.length && <p className="faint">{words("map.warnings.none")}</p>}
      <ul>
        {warnings.slice(0, MOST_LISTED).map((warning) => (
          <li key={warning.warning_id} data-warning={warning.warning_id} data-application={warning.application}>
            <Line map={map} warning={warning} timeUs={snapshot.timeUs} devices={devices} />
          </li>
        ))}
      </ul>
      {unlisted > 0 && <p className="faint">{words("map.warnings.more", { count: unlisted })}</p>}
    </section>
  );
}

function Line({ map, warning, timeUs, devices }: Pick<WarningListProps, "map" | "devices"> & { warning: Warning; timeUs: number }) {
  const words = useWords();
  const { number } = useFormats();
  const about = warning.other === null ? (warning.subject?.kind ?? "") : nameOf(map.picture, warning.other, devices);
  // Of a speed limit, say, there is neither: inference tells zeros.
  const told = [
    warning.ttc_s ? words("map.warning.contact", { seconds: number(warning.ttc_s, 1) }) : "",
    warning.distance_m ? words("map.warning.away", { metres: number(warning.distance_m) }) : "",
    words("map.warning.since", { seconds: number(Math.max(0, (timeUs - warning.raised_us) / 1e6)) }),
  ];
  return (
    <button type="button" className="quiet" onClick={() => show(map, warning.host)}>
      <span className={`mark ${warning.level > 1 ? "offline" : "impaired"}`}>
        {words(warning.level > 1 ? "map.warning.imminent" : "map.warning.warning")}
      </span>{" "}
      <strong>{warning.application.toUpperCase()}</strong>{" "}
      <span>
        {nameOf(map.picture, warning.host, devices)} → {about}
      </span>
      <span className="faint small told">{told.filter(Boolean).join(" · ")}</span>
    </button>
  );
}

function show(map: Shown, slot: number): void {
  const row = map.picture.rowOf(slot);
  if (row === undefined) return;
  const { east_m, north_m, generation } = map.picture.columns;
  map.scene.goTo(east_m[row] ?? 0, north_m[row] ?? 0);
  map.pick({ kind: "user", slot, generation: generation[row] ?? 0 });
}
