// Areas, road events, and what is being drawn, on the ground.

import type { Layer } from "@deck.gl/core";
import { PathLayer, ScatterplotLayer, SolidPolygonLayer, TextLayer } from "@deck.gl/layers";

import type { Corner, Marked, MarkedArea, MarkedEvent } from "./marked";
import type { Palette } from "./palette";

const FLAT = { depthCompare: "always", depthWriteEnabled: false } as const;
const onGround = ([east, north]: Corner): [number, number, number] => [east, north, 0];

export function markedLayers({ areas, events }: Marked, palette: Palette): Layer[] {
  const borders = areas.flatMap(({ rings }) => rings);
  const paths = events.filter(({ path }) => path.length > 1);
  return [
    new SolidPolygonLayer<MarkedArea>({ id: "areas", data: areas, getPolygon: ({ rings }) => rings.map((ring) => ring.map(onGround)), getFillColor: [...palette.area, 36], parameters: FLAT }),
    new PathLayer<readonly Corner[]>({ id: "area-borders", data: borders, getPath: (ring) => ring.map(onGround), getColor: [...palette.area, 220], getWidth: 2, widthUnits: "pixels", parameters: FLAT }),
    new TextLayer<MarkedArea>({
      id: "area-names",
      data: areas,
      getPosition: ({ rings }) => onGround(rings[0]?.[0] ?? [0, 0]),
      getText: ({ id }) => id,
      getColor: [...palette.area, 255],
      getSize: 13,
      getTextAnchor: "start",
      getPixelOffset: [6, -8],
      parameters: FLAT,
    }),
    new PathLayer<MarkedEvent>({
      id: "event-paths",
      data: paths,
      getPath: ({ path }) => path.map(onGround),
      getColor: [...palette.event, 110],
      getWidth: ({ event }) => 2 * event.path_radius_m,
      widthUnits: "common",
      widthMinPixels: 4,
      parameters: FLAT,
    }),
    new ScatterplotLayer<MarkedEvent>({
      id: "event-places",
      data: events.filter(({ event }) => event.place !== null),
      getPosition: ({ at }) => onGround(at),
      getFillColor: [...palette.event, 40],
      getLineColor: [...palette.event, 200],
      stroked: true,
      lineWidthUnits: "pixels",
      getLineWidth: 1.5,
      getRadius: ({ event }) => event.radius_m,
      radiusUnits: "common",
      parameters: FLAT,
    }),
    new TextLayer<MarkedEvent>({
      id: "event-signs",
      data: events,
      getPosition: ({ at }) => onGround(at),
      getText: () => "!",
      getColor: [...palette.textGround],
      getSize: 16,
      fontWeight: 700,
      background: true,
      getBackgroundColor: [...palette.event, 255],
      backgroundPadding: [7, 2],
      characterSet: "!",
      parameters: FLAT,
    }),
  ];
}

/** Corners as they are set, with the line through them. */
export function drawingLayers(corners: readonly Corner[], palette: Palette): Layer[] {
  return [
    new PathLayer<readonly Corner[]>({ id: "drawn-line", data: corners.length > 1 ? [corners] : [], getPath: (line) => line.map(onGround), getColor: [...palette.chosen, 255], getWidth: 2.5, widthUnits: "pixels", parameters: FLAT }),
    new ScatterplotLayer<Corner>({ id: "drawn-corners", data: corners, getPosition: onGround, getFillColor: [...palette.chosen], getRadius: 5, radiusUnits: "pixels", parameters: FLAT }),
  ];
}
