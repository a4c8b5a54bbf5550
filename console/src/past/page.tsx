// The time machine: the live map's layers for any stored moment, with the time below and the warnings of that moment beside.

import "../map/map.css";
import "./past.css";

import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { useApi } from "../api/use";
import { readTheme } from "../layout/theme";
import { nobody, useBase } from "../map/base";
import { Details } from "../map/details";
import { Legend } from "../map/legend";
import { PALETTES } from "../map/palette";
import { useView } from "../map/view";
import { Walk } from "../map/walk";
import { WarningList } from "../map/warnings";
import type { PageProps } from "../pages/sections";
import { useWords } from "../words/words";
import { addressOf, readInstant } from "./address";
import { type Moment, newestUs, Player } from "./player";
import { PastState } from "./state";
import { Timeline } from "./timeline";

const BEGINS_BEFORE_US = 30e6; // where no instant is asked for
const MINUTE_ROUNDED_US = 5e6; // the minute of what is picked is loaded anew so often while the time runs

export default function TimePage({ site, asked }: PageProps) {
  const words = useWords();
  const api = useApi();
  const frame = useRef<HTMLDivElement>(null);
  const [player, setPlayer] = useState<Player>();
  const moment = useSyncExternalStore(player?.subscribe ?? nobody, (): Moment | undefined => player?.moment);
  const base = useBase(site);
  const { roads, lanes, devices, places } = base;
  const { palette, controls, onKeyDown } = useView(player, base, base);
  const unheard = useMemo(() => places.map((place) => ({ ...place, status: "unheard" as const, outline: undefined })), [places]); // how they did is not known
  const askedUs = readInstant(asked.at);
  const newest = useRef(askedUs);
  useEffect(() => {
    newest.current = askedUs;
  });

  useEffect(() => {
    if (!frame.current) return;
    const made = new Player(api, site.site_id, frame.current, PALETTES[readTheme()], newest.current ?? newestUs() - BEGINS_BEFORE_US);
    setPlayer(made);
    return () => {
      made.end();
      setPlayer(undefined);
    };
  }, [api, site.site_id]);
  useEffect(() => {
    if (askedUs !== undefined) player?.follow(askedUs);
  }, [player, askedUs]);
  useEffect(() => {
    player?.setRoads(roads.value?.stop_lines, unheard);
    player?.scene.setRoads(lanes);
  }, [player, roads.value, lanes, unheard]);
  useKeptInAddress(site.site_id, player, moment);

  const name = words("time.label", { site: site.name || site.site_id });
  return (
    <div className="map past" style={{ background: palette.ground }}>
      <h1 className="unseen">{name}</h1>
      <div className="canvas" ref={frame} role="application" tabIndex={0} aria-label={name} aria-description={words("map.keys")} onKeyDown={onKeyDown} />
      {player && moment && (
        <>
          {controls}
          <aside className="side">
            <WarningList map={player} snapshot={moment} devices={devices.value} />
            {moment.picked && (
              <Details
                key={JSON.stringify(moment.picked)}
                map={player}
                picked={moment.picked}
                devices={devices.value}
                untilUs={moment.isPlaying ? Math.floor(moment.timeUs / MINUTE_ROUNDED_US) * MINUTE_ROUNDED_US : moment.timeUs}
              />
            )}
            <Walk map={player} devices={devices.value} units={unheard} />
            <Legend palette={palette} />
            <p className="card faint small">{words("time.differs")}</p>
          </aside>
          <div className="time">
            <PastState moment={moment} site={site} hasRoads={!(roads.value && !roads.value.lanes.width_m.length)} />
            <Timeline player={player} moment={moment} site={site} />
          </div>
        </>
      )}
    </div>
  );
}

/** The address has the instant when it stands still: what is copied leads here. */
function useKeptInAddress(siteId: string, player: Player | undefined, moment: Moment | undefined): void {
  const at = moment && !moment.isPlaying ? moment.timeUs : undefined;
  useEffect(() => {
    if (at === undefined) return;
    player?.keptInAddress(at);
    window.history.replaceState(null, "", addressOf(siteId, at));
  }, [siteId, player, at]);
}
