// What deck.gl draws, from the lowest to the topmost: roads, coverage, signals, warnings' futures, road users, marks, words.

import type { Layer } from "@deck.gl/core";
import { LineLayer, PathLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";

import type { Status } from "../api/types";
import type { Drawn } from "./drawn";
import type { Colour, Palette } from "./palette";
import type { Picture, Warning } from "./picture";
import { decksOf, type Lane, laneColour } from "./roads";
import type { Head, Light } from "./signals";
import { type Detail, UsersLayer } from "./users-layer";

export interface Unit {
  readonly key: number;
  readonly id: string;
  readonly place: readonly [number, number, number];
  readonly status: Status;
  readonly outline: readonly (readonly [number, number])[] | undefined;
}

const FLAT = { depthCompare: "always", depthWriteEnabled: false } as const;
const STEP_UP_M = 0.4;

export const USERS = "users";
export const UNITS = "units";

/** Deck by deck, the lowest first, so that a road that lies above another is seen to. */
export function roadLayers(lanes: readonly Lane[], palette: Palette, level: number | undefined): Layer[] {
  return decksOf(lanes).flatMap((deck) => {
    const data = lanes.filter((lane) => lane.deck === deck);
    const common = {
      data,
      getPath: (lane: Lane) => lane.path as unknown as number[],
      positionFormat: "XYZ",
      _pathType: "open",
      widthUnits: "common",
      updateTriggers: { getColor: [palette, level] },
      parameters: FLAT,
    } as const;
    return [
      new PathLayer<Lane>({
        ...common,
        id: `edges-${deck}`,
        getWidth: (lane) => lane.width_m + EDGE_M,
        getColor: (lane) => [...palette.casing, (laneColour(lane, palette, level)[3] * 2) / 3],
        widthMinPixels: 3,
      }),
      new PathLayer<Lane>({
        ...common,
        id: `roads-${deck}`,
        getWidth: (lane) => lane.width_m,
        getColor: (lane) => laneColour(lane, palette, level),
        widthMinPixels: 1.5,
      }),
    ];
  });
}

const EDGE_M = 1.4;

export function unitLayers(units: readonly Unit[], palette: Palette): Layer[] {
  return [
    new PathLayer<Unit>({
      id: "coverage",
      data: units.filter((unit) => unit.outline),
      getPath: (unit) => (unit.outline ?? []).map(([east, north]): [number, number, number] => [east, north, unit.place[2]]),
      getColor: (unit) => [...palette[unit.status], 150],
      getWidth: 1.5,
      widthUnits: "pixels",
      parameters: FLAT,
    }),
    new ScatterplotLayer<Unit>({
      id: UNITS,
      data: units,
      getPosition: (unit) => [...unit.place],
      getFillColor: (unit) => [...palette[unit.status]],
      getLineColor: [...palette.rsu],
      getRadius: 7,
      radiusUnits: "pixels",
      lineWidthUnits: "pixels",
      getLineWidth: 2.5,
      stroked: true,
      pickable: true,
      billboard: true,
      parameters: FLAT,
    }),
  ];
}

/** pixelsPerMetre: from afar road users are drawn larger than they are, so that they can be seen. */
export function userLayer(drawn: Drawn, pixelsPerMetre: number, isTilted: boolean): Layer {
  const scale = Math.max(1, LEAST_PIXELS / (CAR_M * pixelsPerMetre));
  const detail: Detail = scale > FAR ? "arrow" : isTilted ? "box" : "outline";
  return new UsersLayer({
    id: USERS,
    drawn,
    detail,
    scale,
    pickable: true,
  });
}

const LEAST_PIXELS = 7;
const CAR_M = 4.5;
const FAR = 1.3; // times as large as life

const LIGHTS: Readonly<Record<Light, Colour>> = {
  red: [214, 40, 40],
  green: [20, 160, 80],
  yellow: [235, 175, 20],
  dark: [70, 75, 80],
  unknown: [130, 135, 140],
};

export function signalLayers(heads: readonly Head[], palette: Palette, pixelsPerMetre: number): Layer[] {
  const isNear = pixelsPerMetre > 1.2;
  return [
    new ScatterplotLayer<Head>({
      id: "signals",
      data: heads,
      getPosition: (head) => [...head.place],
      getFillColor: (head) => [...LIGHTS[head.light]],
      getRadius: 1.3,
      radiusUnits: "common",
      radiusMinPixels: 2.5,
      parameters: FLAT,
    }),
    new TextLayer<Head>({
      id: "countdown",
      data: isNear ? heads.filter((head) => head.leftS !== null) : [],
      getPosition: (head) => [...head.place],
      getText: (head) => String(Math.max(0, Math.ceil(head.leftS ?? 0))),
      getColor: [...palette.text],
      getSize: 13,
      getPixelOffset: [0, -12],
      background: true,
      getBackgroundColor: [...palette.textGround, 200],
      backgroundPadding: [3, 1],
      characterSet: "0123456789",
      parameters: FLAT,
    }),
  ];
}

interface Future {
  readonly path: [number, number, number][];
  readonly isHost: boolean;
  readonly level: number;
}

/** The ways that both of a warning are taken to drive. */
export function futuresOf(warnings: readonly Warning[], picture: Picture): Future[] {
  return warnings.flatMap((warning) =>
    warning.futures.flatMap((flat, which): Future[] => {
      const row = picture.rowOf((which ? warning.other : warning.host) ?? -1);
      const up = row === undefined ? 0 : picture.columns.up_m[row] || 0;
      const path: [number, number, number][] = [];
      for (let at = 0; at + 1 < flat.length; at += 2) {
        const [east, north] = [flat[at], flat[at + 1]];
        if (east != null && north != null) path.push([east, north, up + STEP_UP_M]);
      }
      return path.length > 1 ? [{ path, isHost: which === 0, level: warning.level }] : [];
    }),
  );
}

function placeOf(picture: Picture, slot: number): [number, number, number] | undefined {
  const row = picture.rowOf(slot);
  const { east_m, north_m, up_m } = picture.columns;
  return row === undefined ? undefined : [east_m[row] ?? 0, north_m[row] ?? 0, (up_m[row] || 0) + STEP_UP_M];
}

interface Pair {
  readonly from: [number, number, number];
  readonly to: [number, number, number] | undefined;
  readonly level: number;
}

function pairOf(warning: Warning, picture: Picture): Pair[] {
  const from = placeOf(picture, warning.host);
  if (!from) return [];
  const [east, north, up] = warning.subject?.place ?? [];
  const thing = east != null && north != null ? ([east, north, up ?? 0] as [number, number, number]) : undefined;
  return [{ from, to: warning.other === null ? thing : placeOf(picture, warning.other), level: warning.level }];
}

export function warningLayers(warnings: readonly Warning[], picture: Picture, palette: Palette): Layer[] {
  const pairs = warnings.flatMap((warning) => pairOf(warning, picture));
  const colour = (level: number): Colour => (level > 1 ? palette.imminent : palette.warned);
  return [
    new PathLayer<Future>({
      id: "futures",
      data: futuresOf(warnings, picture),
      getPath: (future) => future.path,
      getColor: (future) => [...(future.isHost ? colour(future.level) : palette.other), future.isHost ? 190 : 120],
      getWidth: 1.6,
      widthUnits: "common",
      widthMinPixels: 3,
      capRounded: true,
      jointRounded: true,
      parameters: FLAT,
    }),
    new LineLayer<Pair>({
      id: "pairs",
      data: pairs.filter((pair) => pair.to),
      getSourcePosition: (pair) => pair.from,
      getTargetPosition: (pair) => pair.to ?? pair.from,
      getColor: (pair) => [...colour(pair.level), 220],
      getWidth: 1.5,
      parameters: FLAT,
    }),
    new ScatterplotLayer<Pair>({
      id: "warned",
      data: pairs,
      getPosition: (pair) => pair.from,
      getLineColor: (pair) => [...colour(pair.level)],
      filled: false,
      stroked: true,
      getRadius: 14,
      radiusUnits: "pixels",
      lineWidthUnits: "pixels",
      getLineWidth: 3,
      billboard: true,
      parameters: FLAT,
    }),
  ];
}

export function chosenLayer(picture: Picture, slot: number | undefined, palette: Palette): Layer {
  const place = slot === undefined ? undefined : placeOf(picture, slot);
  return new ScatterplotLayer<[number, number, number]>({
    id: "chosen",
    data: place ? [place] : [],
    getPosition: (one) => one,
    getLineColor: [...palette.chosen],
    filled: false,
    stroked: true,
    getRadius: 18,
    radiusUnits: "pixels",
    lineWidthUnits: "pixels",
    getLineWidth: 2.5,
    billboard: true,
    parameters: FLAT,
  });
}
