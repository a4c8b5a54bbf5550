// What part of a scene is seen from above, and where things are in it: turned so that the actor under test sets out to the right.

import type { Motion, Placed } from "./motion";
import type { Actors } from "./run";

export const WIDTH = 1000;
export const HEIGHT = 280;
const [LEAST_M, MOST_M, ROOM_M] = [80, 220, 12]; // what is seen along the longer side, and left around the actors
const RADIANS = Math.PI / 180;

export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly heading: number;
  /** Points a metre. */
  readonly scale: number;
}

type Point = readonly [number, number];

/** The actor that everything is seen from: the first under test, else the first. */
export function focusOf(actors: Actors): number {
  return Math.max(actors.is_under_test.indexOf(true), 0);
}

/** Along and right of a heading. */
function turned(east: number, north: number, heading: number): Point {
  const [sin, cos] = [Math.sin(heading * RADIANS), Math.cos(heading * RADIANS)];
  return [east * sin + north * cos, east * cos - north * sin];
}

export function pointOf({ x, y, heading, scale }: Frame, east: number, north: number): Point {
  const [along, right] = turned(east - x, north - y, heading);
  return [WIDTH / 2 + scale * along, HEIGHT / 2 + scale * right];
}

/** The same as `pointOf` for a whole drawing in metres, as SVG has it. */
export function matrixOf({ x, y, heading, scale }: Frame): string {
  const [a, b] = turned(scale, 0, heading);
  const [c, d] = turned(0, scale, heading);
  return `matrix(${[a, b, c, d, WIDTH / 2 - a * x - c * y, HEIGHT / 2 - b * x - d * y].map((one) => one.toFixed(5)).join(" ")})`;
}

/** The corners of a footprint, in metres: front left, front right, rear right, rear left. */
export function cornersOf({ x, y, heading }: Pick<Placed, "x" | "y" | "heading">, lengthM: number, widthM: number): readonly Point[] {
  const [sin, cos] = [Math.sin(heading * RADIANS), Math.cos(heading * RADIANS)];
  return ([[1, -1], [1, 1], [-1, 1], [-1, -1]] as const).map(([forth, right]) => {
    const [along, aside] = [(forth * lengthM) / 2, (right * widthM) / 2];
    return [x + along * sin + aside * cos, y + along * cos - aside * sin];
  });
}

/** How much is seen along the longer side, the same for the whole run: all of the scenario's own actors, if they stay together. */
export function spanOf(motion: Motion, actors: Actors, heading: number): number {
  let most = LEAST_M;
  for (const placed of motion.all()) {
    const { along, aside } = extentOf(placed, actors, heading);
    most = Math.max(most, along[1] - along[0] + 2 * ROOM_M, ((aside[1] - aside[0] + 2 * ROOM_M) * WIDTH) / HEIGHT);
  }
  return Math.min(most, MOST_M);
}

/** The frame at a moment: the middle of all, as long as the focus is in it. */
export function frameOf(placed: readonly Placed[], actors: Actors, focus: number, heading: number, spanM: number): Frame {
  const own = placed.find((one) => one.actor === focus) ?? placed[0];
  if (!own) return { x: 0, y: 0, heading, scale: WIDTH / spanM };
  const { along, aside } = extentOf(placed, actors, heading);
  const [here, right] = turned(own.x, own.y, heading);
  const middle = kept((along[0] + along[1]) / 2, here, spanM / 2 - ROOM_M);
  const across = kept((aside[0] + aside[1]) / 2, right, (spanM * HEIGHT) / WIDTH / 2 - ROOM_M / 2);
  const [sin, cos] = [Math.sin(heading * RADIANS), Math.cos(heading * RADIANS)];
  return { x: middle * sin + across * cos, y: middle * cos - across * sin, heading, scale: WIDTH / spanM };
}

function kept(value: number, about: number, most: number): number {
  return Math.min(Math.max(value, about - most), about + most);
}

function extentOf(placed: readonly Placed[], actors: Actors, heading: number): { along: Point; aside: Point } {
  const own = placed.filter((one) => !actors.is_traffic[one.actor]).map((one) => turned(one.x, one.y, heading));
  const ends = (values: readonly number[]): Point => (values.length ? [Math.min(...values), Math.max(...values)] : [0, 0]);
  return { along: ends(own.map(([along]) => along)), aside: ends(own.map(([, aside]) => aside)) };
}
