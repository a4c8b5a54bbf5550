// What of the map can be chosen: the level, the view, how near.

import { useWords } from "../words/words";

interface ControlsProps {
  readonly decks: readonly number[];
  readonly level: number | undefined;
  readonly pickLevel: (level: number | undefined) => void;
  readonly isTilted: boolean;
  readonly tilt: (isTilted: boolean) => void;
  readonly zoom: (steps: number) => void;
  readonly fit: () => void;
}

export function Controls({ decks, level, pickLevel, isTilted, tilt, zoom, fit }: ControlsProps) {
  const words = useWords();
  return (
    <div className="controls">
      {decks.length > 1 && (
        <div className="group" role="group" aria-label={words("map.levels")}>
          <span className="faint">{words("map.levels")}</span>
          <button type="button" aria-pressed={level === undefined} onClick={() => pickLevel(undefined)}>
            {words("map.levels.all")}
          </button>
          {decks.map((deck) => (
            <button key={deck} type="button" aria-pressed={level === deck} aria-label={words("map.levels.one", { level: deck })} onClick={() => pickLevel(deck)}>
              {deck}
            </button>
          ))}
        </div>
      )}
      <div className="group" role="group" aria-label={words("map.view")}>
        <button type="button" aria-pressed={!isTilted} onClick={() => tilt(false)}>
          {words("map.view.flat")}
        </button>
        <button type="button" aria-pressed={isTilted} onClick={() => tilt(true)}>
          {words("map.view.tilted")}
        </button>
        <button type="button" onClick={fit}>
          {words("map.fit")}
        </button>
        <button type="button" aria-label={words("map.zoomIn")} onClick={() => zoom(1)}>
          +
        </button>
        <button type="button" aria-label={words("map.zoomOut")} onClick={() => zoom(-1)}>
          −
        </button>
      </div>
    </div>
  );
}
