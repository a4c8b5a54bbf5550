// The live map: the picture in the middle, what can be chosen beside it, warnings in words, details of whatever is clicked.

import "./map.css";

import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { useApi } from "../api/use";
import { readTheme, useTheme } from "../layout/theme";
import type { PageProps } from "../pages/sections";
import { useWords } from "../words/words";
import { nobody, useBase } from "./base";
import { Controls } from "./controls";
import { Details } from "./details";
import { Legend } from "./legend";
import { LiveMap, type Snapshot } from "./live";
import { PALETTES } from "./palette";
import { State } from "./state";
import { WarningList } from "./warnings";

const NOTHING: Snapshot | undefined = undefined;

export default function MapPage({ site }: PageProps) {
  const words = useWords();
  const api = useApi();
  const theme = useTheme();
  const frame = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<LiveMap>();
  const [level, setLevel] = useState<number>();
  const [isTilted, setTilted] = useState(false);
  const snapshot = useSyncExternalStore(map?.subscribe ?? nobody, () => map?.snapshot ?? NOTHING);
  const { roads, lanes, decks, devices, places, bounds } = useBase(site);

  useEffect(() => {
    if (!frame.current) return;
    const made = new LiveMap(api, site.site_id, frame.current, PALETTES[readTheme()]);
    setMap(made);
    return () => {
      made.end();
      setMap(undefined);
    };
  }, [api, site.site_id]);
  useEffect(() => map?.scene.setPalette(PALETTES[theme]), [map, theme]);
  useEffect(() => map?.scene.setLevel(level), [map, level]);
  useEffect(() => map?.scene.setTilted(isTilted), [map, isTilted]);
  useEffect(() => map?.setPlaces(places), [map, places]);
  useEffect(() => {
    if (map && roads.value) map.setLines(roads.value.stop_lines);
    map?.scene.setRoads(lanes);
  }, [map, roads.value, lanes]);
  const fitted = useRef<LiveMap>(undefined);
  useEffect(() => {
    if (!map || !bounds || fitted.current === map) return; // from then on the view is the reader's
    fitted.current = map;
    map.scene.fit(bounds);
  }, [map, bounds]);

  return (
    <div className="map" style={{ background: PALETTES[theme].ground }}>
      <h1 className="unseen">{words("map.label", { site: site.name || site.site_id })}</h1>
      <div className="canvas" ref={frame} role="application" aria-label={words("map.label", { site: site.name || site.site_id })} />
      {snapshot && <State snapshot={snapshot} site={site} hasRoads={!(roads.value && !roads.value.lanes.width_m.length)} />}
      {map && (
        <Controls
          decks={decks}
          level={level}
          pickLevel={setLevel}
          isTilted={isTilted}
          tilt={setTilted}
          zoom={(steps) => map.scene.zoom(steps)}
          fit={() => bounds && map.scene.fit(bounds)}
        />
      )}
      <aside className="side">
        {map && snapshot && <WarningList map={map} snapshot={snapshot} devices={devices.value} />}
        {map && snapshot?.picked && (
          <Details key={JSON.stringify(snapshot.picked)} map={map} picked={snapshot.picked} devices={devices.value} />
        )}
        <Legend palette={PALETTES[theme]} />
      </aside>
    </div>
  );
}
