// What is on the canvas as a list that can be walked with the keyboard: each shows where it is when it has the focus.

import { useState } from "react";

import type { Device } from "../api/types";
import { useFormats, useWords } from "../words/words";
import { typeOf } from "./drawn";
import type { Unit } from "./layers";
import { nameOf } from "./names";
import type { Picture } from "./picture";
import type { Picked } from "./scene";
import type { Shown } from "./shown";

export const MOST_WALKED = 50;
const KMH = 3.6;

interface Walked {
  readonly slot: number;
  readonly generation: number;
  readonly name: string;
}

/** The road users whose name has the text in it, each once, in the order of their slots, so that the list stands still. */
export function walked(picture: Picture, devices: readonly Device[] | undefined, text: string): { shown: Walked[]; more: number } {
  const wanted = text.trim().toLowerCase();
  const slots = Array.from(picture.slots.subarray(0, picture.count)).sort((one, two) => one - two);
  const found = slots.flatMap((slot): Walked[] => {
    const row = picture.rowOf(slot);
    if (row === undefined || (picture.columns.twin[row] ?? -1) >= 0) return [];
    const name = nameOf(picture, slot, devices);
    return name.toLowerCase().includes(wanted) ? [{ slot, generation: picture.columns.generation[row] ?? 0, name }] : [];
  });
  return { shown: found.slice(0, MOST_WALKED), more: Math.max(found.length - MOST_WALKED, 0) };
}

interface WalkProps {
  readonly map: Shown;
  readonly devices: readonly Device[] | undefined;
  readonly units: readonly Pick<Unit, "id" | "place" | "status">[];
}

/** Closed it costs nothing; it is drawn anew as often as the page around it. */
export function Walk({ map, devices, units }: WalkProps) {
  const words = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="card walk" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words("map.walk")}</summary>
      {isOpen && <List map={map} devices={devices} units={units} />}
    </details>
  );
}

function List({ map, devices, units }: WalkProps) {
  const words = useWords();
  const { number } = useFormats();
  const [text, setText] = useState("");
  const { shown, more } = walked(map.picture, devices, text);
  const { columns } = map.picture;

  function go(picked: Picked, east: number, north: number) {
    map.pick(picked);
    map.scene.goTo(east, north);
  }

  return (
    <>
      <label>
        {words("register.search")}
        <input type="search" value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <ul>
        {units.map((unit) => (
          <li key={unit.id}>
            <button type="button" className="quiet" onClick={() => go({ kind: "unit", id: unit.id }, unit.place[0], unit.place[1])}>
              {words("map.kind.rsu")} <code>{unit.id}</code> {words(`status.${unit.status}`)}
            </button>
          </li>
        ))}
        {shown.map(({ slot, generation, name }) => {
          const row = map.picture.rowOf(slot) ?? 0;
          const speed = columns.speed_mps[row] ?? NaN;
          return (
            <li key={`${slot} ${generation}`}>
              <button
                type="button"
                className="quiet"
                onFocus={() => map.scene.setChosen(slot)}
                onClick={() => go({ kind: "user", slot, generation }, columns.east_m[row] ?? 0, columns.north_m[row] ?? 0)}
              >
                {words(`map.kind.${typeOf(columns.participant_type[row] ?? 0)}`)} <code>{name}</code>{" "}
                {Number.isNaN(speed) ? "" : `${number(speed * KMH)} ${words("unit.kmh")}`}
              </button>
            </li>
          );
        })}
      </ul>
      {more > 0 && <p className="faint">{words("map.walk.more", { count: more })}</p>}
    </>
  );
}
