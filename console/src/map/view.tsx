// How a map is looked at, live or past: colours, level, tilt and what of it is shown, by hand and by keyboard.

import { type KeyboardEventHandler, type ReactNode, useEffect, useRef, useState } from "react";

import { useTheme } from "../layout/theme";
import type { Base } from "./base";
import { Controls } from "./controls";
import { moveByKey } from "./keys";
import { PALETTES, type Palette } from "./palette";
import type { Scene } from "./scene";

interface View {
  readonly palette: Palette;
  /** Undefined until there is a map. */
  readonly controls: ReactNode;
  readonly onKeyDown: KeyboardEventHandler;
}

export function useView(map: { readonly scene: Scene } | undefined, { decks, bounds }: Base): View {
  const palette = PALETTES[useTheme()];
  const [level, setLevel] = useState<number>();
  const [isTilted, setTilted] = useState(false);
  useEffect(() => map?.scene.setPalette(palette), [map, palette]);
  useEffect(() => map?.scene.setLevel(level), [map, level]);
  useEffect(() => map?.scene.setTilted(isTilted), [map, isTilted]);
  const fitted = useRef<typeof map>(undefined);
  useEffect(() => {
    if (!map || !bounds || fitted.current === map) return; // from then on the view is the reader's
    fitted.current = map;
    map.scene.fit(bounds);
  }, [map, bounds]);
  const controls = map && (
    <Controls
      decks={decks}
      level={level}
      pickLevel={setLevel}
      isTilted={isTilted}
      tilt={setTilted}
      zoom={(steps) => map.scene.zoom(steps)}
      fit={() => bounds && map.scene.fit(bounds)}
    />
  );
  return { palette, controls, onKeyDown: (event) => moveByKey(event, map?.scene) };
}
