// The map itself: deck.gl in the site's local metres, told what to show and asked what was clicked. React has no part in a frame.
// The roads have a canvas of their own below the one for what moves: they are drawn when the view changes, not ten times a second.

import { Deck, OrbitView, type OrbitViewState, type PickingInfo } from "@deck.gl/core";

import { draw, type Drawn } from "./drawn";
import { chosenLayer, roadLayers, signalLayers, UNITS, type Unit, unitLayers, userLayer, USERS, warningLayers } from "./layers";
import type { Corner, Marked } from "./marked";
import { drawingLayers, markedLayers } from "./marked-layers";
import { type Palette } from "./palette";
import { type Picture } from "./picture";
import { type Bounds, type Lane } from "./roads";
import type { Head } from "./signals";

export type Picked = { readonly kind: "user"; readonly slot: number; readonly generation: number } | { readonly kind: "unit"; readonly id: string };

interface Told {
  readonly picked: (picked: Picked | undefined) => void;
  /** A picture that was shown has been drawn. */
  readonly drawn: () => void;
}

type Views = OrbitView;
const FROM_ABOVE_DEG = 90;
const TILTED_DEG = 40;
const TURNED_DEG = -20;
const ZOOM_STEP = 0.6;
const FIT_SHARE = 0.92;
const MOVE_SHARE = 8;
const SIDE_PX = 350; // of warnings and details (map.css)
const MOST_ZOOM = 6; // 64 pixels a metre
const LEAST_ZOOM = -6;
const PICK_PX = 6;

export class Scene {
  private readonly ground: Deck<Views>;
  private readonly deck: Deck<Views>;
  private view: OrbitViewState = { target: [0, 0, 0], zoom: 0, rotationX: FROM_ABOVE_DEG, rotationOrbit: 0 };
  private lanes: readonly Lane[] = [];
  private units: readonly Unit[] = [];
  private heads: readonly Head[] = [];
  private level: number | undefined;
  private chosen: number | undefined;
  private marked: Marked = { areas: [], events: [] };
  private corners: readonly Corner[] = [];
  private takeCorner: ((corner: Corner) => void) | undefined;
  private drawn: Drawn | undefined;
  private isNew = false;

  constructor(
    private readonly parent: HTMLDivElement,
    private readonly picture: Picture,
    private palette: Palette,
    told: Told,
  ) {
    const common = {
      views: new OrbitView({ orbitAxis: "Z", orthographic: true, near: 0.01, far: 100 }),
      viewState: this.view,
      useDevicePixels: Math.min(window.devicePixelRatio, 2),
      // Without a graphics card smooth edges cost more than all else.
      deviceProps: { type: "webgl", webgl: { antialias: !isSoftware() } },
    } as const;
    this.ground = new Deck<Views>({ ...common, parent: canvasIn(parent), controller: false });
    this.deck = new Deck<Views>({
      ...common,
      parent: canvasIn(parent),
      controller: { dragMode: "pan", inertia: 150 },
      pickingRadius: PICK_PX,
      style: { outline: "none" },
      onViewStateChange: ({ viewState }) => this.look(viewState),
      onClick: (info) => this.clicked(info, told),
      onAfterRender: () => {
        if (this.isNew) {
          this.isNew = false;
          told.drawn();
        }
      },
    });
  }

  end(): void {
    this.ground.finalize();
    this.deck.finalize();
    this.parent.replaceChildren();
  }

  /** Draw the picture as it is now. */
  show(heads: readonly Head[], units: readonly Unit[]): void {
    this.heads = heads;
    this.units = units;
    this.drawn = draw(this.picture, this.palette, this.level);
    this.isNew = true;
    this.layer();
  }

  setRoads(lanes: readonly Lane[]): void {
    this.lanes = lanes;
    this.reload();
  }

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.reload();
  }

  setLevel(level: number | undefined): void {
    this.level = level;
    this.reload();
  }

  setChosen(slot: number | undefined): void {
    this.chosen = slot;
    this.layer();
  }

  setMarked(marked: Marked): void {
    this.marked = marked;
    this.reload();
  }

  /** Show what has been drawn; while `take` is given a click sets a corner and picks nothing. */
  setDrawing(corners: readonly Corner[], take: ((corner: Corner) => void) | undefined): void {
    this.corners = corners;
    this.takeCorner = take;
    this.layer();
  }

  setTilted(isTilted: boolean): void {
    this.look({ ...this.view, rotationX: isTilted ? TILTED_DEG : FROM_ABOVE_DEG, rotationOrbit: isTilted ? TURNED_DEG : 0 });
  }

  zoom(steps: number): void {
    this.look({ ...this.view, zoom: this.view.zoom + steps * ZOOM_STEP });
  }

  /** Move the view by an eighth of what it shows. */
  move(east: number, north: number): void {
    const [x, y, z] = this.view.target;
    const metres = Math.min(this.parent.clientWidth, this.parent.clientHeight) / MOVE_SHARE / 2 ** this.view.zoom;
    this.look({ ...this.view, target: [x + east * metres, y + north * metres, z] });
  }

  /** Show all of a rectangle, left of what lies over the map's right side. */
  fit({ low, high }: Bounds): void {
    const { clientWidth: width, clientHeight: height } = this.parent;
    const side = width > 3 * SIDE_PX ? SIDE_PX : 0;
    const [wide, tall] = [Math.max(high[0] - low[0], 50), Math.max(high[1] - low[1], 50)];
    const zoom = Math.log2(FIT_SHARE * Math.min((width - side) / wide, height / tall));
    this.look({ ...this.view, target: [(low[0] + high[0]) / 2 + side / 2 / 2 ** zoom, (low[1] + high[1]) / 2, 0], zoom });
  }

  /** Bring a place into the middle, near enough to see who is there. */
  goTo(east: number, north: number): void {
    this.look({ ...this.view, target: [east, north, 0], zoom: Math.max(this.view.zoom, 2) });
  }

  /** Where something is on the screen, in the map's own pixels. */
  project(place: readonly [number, number, number]): readonly [number, number] | undefined {
    const [x, y] = this.deck.getViewports()[0]?.project([...place]) ?? [];
    return x === undefined || y === undefined ? undefined : [x, y];
  }

  private look(view: OrbitViewState): void {
    this.view = { ...view, zoom: Math.min(Math.max(view.zoom, LEAST_ZOOM), MOST_ZOOM) };
    for (const deck of [this.ground, this.deck]) deck.setProps({ viewState: this.view });
    this.layer();
  }

  private reload(): void {
    this.ground.setProps({ layers: [...roadLayers(this.lanes, this.palette, this.level), ...markedLayers(this.marked, this.palette)] });
    if (this.drawn) this.drawn = draw(this.picture, this.palette, this.level);
    this.layer();
  }

  private layer(): void {
    const pixelsPerMetre = 2 ** this.view.zoom;
    const warnings = this.picture.header?.warnings ?? [];
    this.deck.setProps({
      layers: [
        ...unitLayers(this.units, this.palette),
        ...signalLayers(this.heads, this.palette, pixelsPerMetre),
        this.drawn && userLayer(this.drawn, pixelsPerMetre, (this.view.rotationX ?? FROM_ABOVE_DEG) < FROM_ABOVE_DEG),
        ...warningLayers(warnings, this.picture, this.palette),
        chosenLayer(this.picture, this.chosen, this.palette),
        ...drawingLayers(this.corners, this.palette),
      ],
    });
  }

  private clicked(info: PickingInfo, told: Told): void {
    const [east, north] = info.coordinate ?? [];
    if (!this.takeCorner) told.picked(this.pickedOf(info));
    else if (east !== undefined && north !== undefined) this.takeCorner([east, north]);
  }

  private pickedOf(info: PickingInfo): Picked | undefined {
    if (info.layer?.id === UNITS) return { kind: "unit", id: (info.object as Unit).id };
    const row = info.layer?.id === USERS ? this.drawn?.rows[info.index] : undefined;
    if (row === undefined) return undefined;
    return { kind: "user", slot: this.picture.slots[row] ?? 0, generation: this.picture.columns.generation[row] ?? 0 };
  }
}

function canvasIn(parent: HTMLDivElement): HTMLDivElement {
  const made = document.createElement("div");
  made.className = "layer";
  parent.append(made);
  return made;
}

/** Whether WebGL is computed by the processor. */
function isSoftware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  const about = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl && about ? String(gl.getParameter(about.UNMASKED_RENDERER_WEBGL)) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}
