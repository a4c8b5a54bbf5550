// From the picture to what the graphics card draws: a place, a turned and stretched box and a colour for each road user. No objects.

import { type Picture, SEEN, SPEAKS, UNKNOWN_DECK } from "./picture";
import type { Colour, Palette } from "./palette";

export interface Drawn {
  readonly length: number;
  /** The picture's rows, in the order of what is drawn. */
  readonly rows: Uint32Array;
  readonly positions: Float32Array;
  /** Along the heading as long as it is (east, north), width, height. */
  readonly shapes: Float32Array;
  readonly colours: Uint8Array;
}

export type Type = "motor" | "cyclist" | "pedestrian";
export type Source = "speaks" | "fused" | "seen";

const CYCLIST = 2;
const PEDESTRIAN = 3;
const USUAL_SIZE_M: Readonly<Record<Type, readonly [number, number, number]>> = {
  motor: [4.5, 1.8, 1.5],
  cyclist: [1.8, 0.7, 1.7],
  pedestrian: [0.6, 0.6, 1.7],
};
const TALL_M = 3.0; // who is longer than a van
const LONG_M = 7.0;
const HIDDEN = 40; // of 255, on a level that was not picked

export function typeOf(participantType: number): Type {
  return participantType === PEDESTRIAN ? "pedestrian" : participantType === CYCLIST ? "cyclist" : "motor";
}

/** By row, whether the lead's own messages and the roadside tell of it both. */
export function fusedRows(picture: Picture): Uint8Array {
  const { kind, twin } = picture.columns;
  const fused = new Uint8Array(picture.count);
  for (let row = 0; row < picture.count; row += 1) {
    const lead = (twin[row] ?? -1) >= 0 ? picture.rowOf(twin[row] ?? 0) : undefined;
    if (lead !== undefined && kind[lead] !== kind[row]) fused[lead] = 1;
  }
  return fused;
}

/** How many road users there are: twins are the same ones, seen by somebody else. */
export function countUsers(picture: Picture): number {
  let count = 0;
  for (let row = 0; row < picture.count; row += 1) if ((picture.columns.twin[row] ?? -1) < 0) count += 1;
  return count;
}

export function sourceOf(picture: Picture, row: number, fused: Uint8Array): Source {
  return fused[row] ? "fused" : picture.columns.kind[row] === SEEN ? "seen" : "speaks";
}

/** Everybody once. level: the deck that was picked, undefined for all; who is on another one is faint. */
export function draw(picture: Picture, palette: Palette, level: number | undefined): Drawn {
  const { columns, count } = picture;
  const fused = fusedRows(picture);
  const [rows, positions] = [new Uint32Array(count), new Float32Array(count * 3)];
  const [shapes, colours] = [new Float32Array(count * 4), new Uint8Array(count * 4)];
  let length = 0;
  for (let row = 0; row < count; row += 1) {
    if ((columns.twin[row] ?? -1) >= 0) continue;
    rows[length] = row;
    const up = columns.up_m[row] ?? 0;
    positions[length * 3] = columns.east_m[row] ?? 0;
    positions[length * 3 + 1] = columns.north_m[row] ?? 0;
    positions[length * 3 + 2] = Number.isNaN(up) ? 0 : up;
    shape(shapes, length * 4, picture, row);
    const colour = colourOf(palette, picture, row, fused);
    const isFaint = level !== undefined && columns.deck[row] !== level && columns.deck[row] !== UNKNOWN_DECK;
    colours.set(colour, length * 4);
    colours[length * 4 + 3] = isFaint ? HIDDEN : 255;
    length += 1;
  }
  return { length, rows, positions, shapes, colours };
}

function shape(shapes: Float32Array, at: number, { columns }: Picture, row: number): void {
  const usual = USUAL_SIZE_M[typeOf(columns.participant_type[row] ?? 0)];
  const length = columns.length_m[row] || usual[0];
  const heading = ((columns.heading_deg[row] || 0) * Math.PI) / 180;
  shapes[at] = Math.sin(heading) * length;
  shapes[at + 1] = Math.cos(heading) * length;
  shapes[at + 2] = columns.width_m[row] || usual[1];
  shapes[at + 3] = length > LONG_M ? TALL_M : usual[2];
}

function colourOf(palette: Palette, { columns }: Picture, row: number, fused: Uint8Array): Colour {
  if (columns.level[row]) return columns.level[row] > 1 ? palette.imminent : palette.warned;
  const type = typeOf(columns.participant_type[row] ?? 0);
  if (type !== "motor") return palette[type];
  if (fused[row]) return palette.fused;
  return columns.kind[row] === SPEAKS ? palette.speaks : palette.seen;
}
