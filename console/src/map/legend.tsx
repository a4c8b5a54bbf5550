// What the colours mean.

import { type Key, useWords } from "../words/words";
import type { Colour, Palette } from "./palette";

const LINES = ["speaks", "fused", "seen", "cyclist", "pedestrian", "warned"] as const;

export function Legend({ palette }: { palette: Palette }) {
  const words = useWords();
  return (
    <details className="card legend">
      <summary>{words("map.legend")}</summary>
      <ul>
        {LINES.map((name) => (
          <Line key={name} colour={palette[name]} word={`map.legend.${name}`} />
        ))}
        <Line colour={palette.healthy} word="map.legend.rsu" />
        <Line colour={palette.area} word="map.legend.area" />
        <Line colour={palette.event} word="map.legend.event" />
      </ul>
    </details>
  );
}

function Line({ colour, word }: { colour: Colour; word: Key }) {
  const words = useWords();
  return (
    <li>
      <span className="swatch" style={{ background: `rgb(${colour.join(" ")})` }} />
      {words(word)}
    </li>
  );
}
