// Road users as deck.gl draws them: a shape of 3, 5 or 15 corners each, all in one call. Instances, which deck.gl's own layer for
// meshes draws, cost a processor that renders by itself 20 µs each, whatever their shape (docs/console.md); a card feels neither.

import { color, type DefaultProps, Layer, type LayerProps, picking, project32, type UpdateParameters } from "@deck.gl/core";
import { Buffer } from "@luma.gl/core";
import { Model } from "@luma.gl/engine";

import type { Drawn } from "./drawn";

/** How much of a shape is drawn: an arrowhead from afar, its outline from above, a box when tilted. */
export type Detail = "arrow" | "outline" | "box";

export interface UsersLayerProps extends LayerProps {
  readonly drawn: Drawn;
  readonly detail: Detail;
  /** Times as large as life. */
  readonly scale: number;
}

/** Corners of all users: where the user is, where the corner lies from there, and its colour; and triangles of corners. */
export interface Corners {
  readonly centres: Float32Array;
  readonly offsets: Float32Array;
  readonly colours: Uint8Array;
  readonly indices: Uint32Array;
}

// x along the heading, y to the left, z up, and how light the corner is; 1 m long, wide and high.
type Corner = readonly [number, number, number, number];
const TIP = 0.18;
const RIM: readonly (readonly [number, number])[] = [[0.5, 0], [0.5 - TIP, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5 - TIP, -0.5]];
const SIDE = 0.68;

export function shapeOf(detail: Detail): { corners: readonly Corner[]; indices: readonly number[] } {
  if (detail === "arrow") return { corners: [[0.6, 0, 1, 1], [-0.5, 0.7, 1, 1], [-0.5, -0.7, 1, 1]], indices: [0, 1, 2] };
  const top = RIM.map(([x, y]): Corner => [x, y, 1, 1]);
  const cover = [0, 1, 2, 0, 2, 3, 0, 3, 4];
  if (detail === "outline") return { corners: top, indices: cover };
  const sides = [0, SIDE].flatMap((at) => RIM.map(([x, y]): Corner => [x, y, at ? 1 : 0, SIDE]));
  const count = RIM.length;
  const walls = RIM.flatMap((_, at) => {
    const next = (at + 1) % count;
    const [low, lowNext, high, highNext] = [count + at, count + next, 2 * count + at, 2 * count + next];
    return [low, lowNext, highNext, low, highNext, high];
  });
  return { corners: [...top, ...sides], indices: [...cover, ...walls] };
}

/** All shapes, each turned along its heading and as large as its user. */
export function cornersOf({ length, positions, shapes, colours }: Drawn, detail: Detail): Corners {
  const { corners, indices } = shapeOf(detail);
  const many = length * corners.length;
  const made = {
    centres: new Float32Array(many * 3),
    offsets: new Float32Array(many * 3),
    colours: new Uint8Array(many * 4),
    indices: new Uint32Array(length * indices.length),
  };
  for (let user = 0, at = 0; user < length; user += 1) {
    const [east, north] = [shapes[user * 4] ?? 0, shapes[user * 4 + 1] ?? 0];
    const aside = (shapes[user * 4 + 2] ?? 0) / Math.max(Math.hypot(east, north), 0.01);
    const height = shapes[user * 4 + 3] ?? 0;
    for (let index = 0; index < indices.length; index += 1) made.indices[user * indices.length + index] = at + (indices[index] ?? 0);
    for (const [x, y, z, light] of corners) {
      for (let axis = 0; axis < 3; axis += 1) made.centres[at * 3 + axis] = positions[user * 3 + axis] ?? 0;
      made.offsets[at * 3] = east * x - north * aside * y;
      made.offsets[at * 3 + 1] = north * x + east * aside * y;
      made.offsets[at * 3 + 2] = height * z;
      for (let part = 0; part < 3; part += 1) made.colours[at * 4 + part] = (colours[user * 4 + part] ?? 0) * light;
      made.colours[at * 4 + 3] = colours[user * 4 + 3] ?? 0;
      at += 1;
    }
  }
  return made;
}

const UNIFORMS = `layout(std140) uniform usersUniforms {
  float scale;
  float corners;
} users;
`;
const usersModule = { name: "users", vs: UNIFORMS, fs: UNIFORMS, uniformTypes: { scale: "f32", corners: "f32" } } as const;

const VERTEX = `#version 300 es
#define SHADER_NAME users-layer-vertex
in vec3 centres;
in vec3 offsets;
in vec4 colours;
out vec4 vColor;
void main(void) {
  geometry.worldPosition = centres;
  geometry.pickingColor = picking_getPickingColorFromIndex(uint(gl_VertexID / int(users.corners)));
  gl_Position = project_position_to_clipspace(centres + offsets * users.scale, vec3(0.0), vec3(0.0), geometry.position);
  DECKGL_FILTER_GL_POSITION(gl_Position, geometry);
  vColor = colours;
  DECKGL_FILTER_COLOR(vColor, geometry);
}
`;
const FRAGMENT = `#version 300 es
#define SHADER_NAME users-layer-fragment
precision highp float;
in vec4 vColor;
out vec4 fragColor;
void main(void) {
  fragColor = vColor;
  DECKGL_FILTER_COLOR(fragColor, geometry);
}
`;

const defaultProps: DefaultProps<UsersLayerProps> = { detail: "outline", scale: 1 };

interface State {
  model: Model;
  buffers: Buffer[];
  [more: string]: unknown;
}

export class UsersLayer extends Layer<UsersLayerProps> {
  static override layerName = "UsersLayer";
  static override defaultProps = defaultProps;
  declare state: State;

  override getShaders() {
    return super.getShaders({ vs: VERTEX, fs: FRAGMENT, modules: [project32, color, picking, usersModule] }) as object;
  }

  initializeState(): void {
    const model = new Model(this.context.device, {
      ...this.getShaders(),
      id: this.props.id,
      topology: "triangle-list",
      bufferLayout: [
        { name: "centres", format: "float32x3" },
        { name: "offsets", format: "float32x3" },
        { name: "colours", format: "unorm8x4" },
      ],
    });
    this.setState({ model, buffers: [] });
  }

  override updateState(params: UpdateParameters<this>): void {
    super.updateState(params);
    const { props, oldProps } = params;
    if (props.drawn !== oldProps.drawn || props.detail !== oldProps.detail) this.load(cornersOf(props.drawn, props.detail));
  }

  override draw(): void {
    if (!this.props.drawn.length) return;
    const corners = shapeOf(this.props.detail).corners.length;
    this.state.model.shaderInputs.setProps({ users: { scale: this.props.scale, corners } });
    this.state.model.draw(this.context.renderPass);
  }

  override finalizeState(context: Layer["context"]): void {
    super.finalizeState(context);
    this.state.model.destroy();
    for (const buffer of this.state.buffers) buffer.destroy();
  }

  private load({ centres, offsets, colours, indices }: Corners): void {
    const { model, buffers } = this.state;
    const { device } = this.context;
    for (const buffer of buffers) buffer.destroy();
    const [a, b, c] = [centres, offsets, colours].map((data) => device.createBuffer({ data })) as [Buffer, Buffer, Buffer];
    const index = device.createBuffer({ data: indices, usage: Buffer.INDEX, indexType: "uint32" });
    model.setAttributes({ centres: a, offsets: b, colours: c });
    model.setIndexBuffer(index);
    model.setVertexCount(indices.length);
    this.setState({ buffers: [a, b, c, index] });
  }
}
