// How a map is looked at, live or past: colours, level, tilt and what of it is shown, by hand and by keyboard.

import { type KeyboardEventHandler, type ReactNode, useEffect, useRef, useState } from "react";

import { useTheme } from "../layout/theme";
import type { Base } from "./base";
import { Controls } from "./controls";
import { moveByKey } from "./keys";
import { PALETTES, type Palette } from "./palette";
import type { Scene } from "./scene";
import { together, type Whole } from "./whole";

const SOON_MS = 3000; // after the first look at a site, in which those who move there may still come into it

interface View {
  readonly palette: Palette;
  /** Undefined until there is a map. */
  readonly controls: ReactNode;
  readonly onKeyDown: KeyboardEventHandler;
}

interface Fitted {
  readonly map: unknown;
  readonly isPictured: boolean;
  readonly atMs: number;
}

export function useView(map: { readonly scene: Scene } | undefined, { decks }: Base, { bounds, moving, isPictured = false }: Whole): View {
  const palette = PALETTES[useTheme()];
  const [level, setLevel] = useState<number>();
  const [isTilted, setTilted] = useState(false);
  useEffect(() => map?.scene.setPalette(palette), [map, palette]);
  useEffect(() => map?.scene.setLevel(level), [map, level]);
  useEffect(() => map?.scene.setTilted(isTilted), [map, isTilted]);
  const fitted = useRef<Fitted>(undefined);
  useEffect(() => {
    const before = fitted.current?.map === map ? fitted.current : undefined;
    const isNews = moving && isPictured && before && !before.isPictured && performance.now() - before.atMs < SOON_MS;
    const all = together(bounds, moving?.());
    if (!map || !all || (before && !isNews)) return; // from then on the view is the reader's
    fitted.current = { map, isPictured, atMs: performance.now() };
    map.scene.fit(all);
  }, [map, bounds, moving, isPictured]);
  const fit = () => {
    const all = together(bounds, moving?.());
    if (all) map?.scene.fit(all);
  };
  const controls = map && (
    <Controls
      decks={decks}
      level={level}
      pickLevel={setLevel}
      isTilted={isTilted}
      tilt={setTilted}
      zoom={(steps) => map.scene.zoom(steps)}
      fit={fit}
    />
  );
  return { palette, controls, onKeyDown: (event) => moveByKey(event, map?.scene) };
}
