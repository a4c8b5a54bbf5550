// The live map: the picture in the middle, what can be chosen beside it, warnings in words, details of whatever is clicked.

import "./map.css";

import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { useApi } from "../api/use";
import { readTheme } from "../layout/theme";
import type { PageProps } from "../pages/sections";
import { useWords } from "../words/words";
import { nobody, useBase } from "./base";
import { Details } from "./details";
import { Legend } from "./legend";
import { LiveMap, type Snapshot } from "./live";
import { type Corner, useMarked } from "./marked";
import { Marks } from "./marks";
import { PALETTES } from "./palette";
import { State } from "./state";
import { useView } from "./view";
import { Walk } from "./walk";
import { WarningList } from "./warnings";
import { useWhole } from "./whole";

const NOTHING: Snapshot | undefined = undefined;

export default function MapPage({ me, site }: PageProps) {
  const words = useWords();
  const api = useApi();
  const frame = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<LiveMap>();
  const snapshot = useSyncExternalStore(map?.subscribe ?? nobody, () => map?.snapshot ?? NOTHING);
  const base = useBase(site);
  const { roads, lanes, devices, places } = base;
  const marked = useMarked(site);
  const whole = useWhole(base, marked, map, snapshot);
  const { palette, controls, onKeyDown } = useView(map, base, whole);
  const [corners, setCorners] = useState<readonly Corner[]>();

  useEffect(() => {
    if (!frame.current) return;
    const made = new LiveMap(api, site.site_id, frame.current, PALETTES[readTheme()]);
    setMap(made);
    return () => {
      made.end();
      setMap(undefined);
    };
  }, [api, site.site_id]);
  useEffect(() => map?.setPlaces(places), [map, places]);
  useEffect(() => {
    if (map && roads.value) map.setLines(roads.value.stop_lines);
    map?.scene.setRoads(lanes);
  }, [map, roads.value, lanes]);
  useEffect(() => {
    if (marked.value) map?.scene.setMarked(marked.value);
  }, [map, marked.value]);
  useEffect(() => map?.scene.setDrawing(corners ?? [], corners && ((corner) => setCorners((before) => [...(before ?? []), corner]))), [map, corners]);
  return (
    <div className="map" style={{ background: palette.ground }}>
      <h1 className="unseen">{words("map.label", { site: site.name || site.site_id })}</h1>
      <div
        className="canvas"
        ref={frame}
        role="application"
        tabIndex={0}
        aria-label={words("map.label", { site: site.name || site.site_id })}
        aria-description={words("map.keys")}
        onKeyDown={onKeyDown}
      />
      {snapshot && <State snapshot={snapshot} site={site} hasRoads={!(roads.value && !roads.value.lanes.width_m.length)} />}
      {controls}
      <aside className="side">
        {map && snapshot && <WarningList map={map} snapshot={snapshot} devices={devices.value} />}
        {map && snapshot?.picked && (
          <Details key={JSON.stringify(snapshot.picked)} map={map} picked={snapshot.picked} devices={devices.value} />
        )}
        {map && <Marks me={me} site={site} scene={map.scene} marked={marked} corners={corners} setCorners={setCorners} />}
        {map && <Walk map={map} devices={devices.value} units={places} />}
        <Legend palette={palette} />
      </aside>
    </div>
  );
}
