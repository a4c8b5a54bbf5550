// The map's colours, in light and dark; told apart by lightness as well as by hue.

export type Colour = readonly [number, number, number];

export interface Palette {
  readonly ground: string;
  readonly road: readonly Colour[]; // by deck, the lowest first; further ones as the last
  readonly pavement: Colour;
  readonly casing: Colour;
  readonly speaks: Colour;
  readonly fused: Colour;
  readonly seen: Colour;
  readonly cyclist: Colour;
  readonly pedestrian: Colour;
  readonly warned: Colour;
  readonly imminent: Colour;
  readonly other: Colour;
  readonly rsu: Colour;
  readonly healthy: Colour;
  readonly impaired: Colour;
  readonly offline: Colour;
  readonly unheard: Colour;
  readonly chosen: Colour;
  readonly area: Colour;
  readonly event: Colour;
  readonly text: Colour;
  readonly textGround: Colour;
}

export const PALETTES: Readonly<Record<"light" | "dark", Palette>> = {
  light: {
    ground: "#eef1ee",
    road: [[176, 184, 190], [192, 199, 205], [208, 214, 219], [221, 226, 230], [232, 236, 239]],
    pavement: [216, 214, 204],
    casing: [120, 131, 138],
    speaks: [0, 92, 122],
    fused: [0, 130, 92],
    seen: [120, 84, 160],
    cyclist: [168, 96, 0],
    pedestrian: [150, 40, 110],
    warned: [222, 120, 0],
    imminent: [208, 20, 20],
    other: [222, 120, 0],
    rsu: [30, 60, 80],
    healthy: [27, 130, 70],
    impaired: [200, 120, 0],
    offline: [190, 30, 30],
    unheard: [120, 130, 138],
    chosen: [0, 110, 255],
    area: [0, 84, 150],
    event: [176, 58, 0],
    text: [23, 36, 42],
    textGround: [255, 255, 255],
  },
  dark: {
    ground: "#0c1316",
    road: [[44, 56, 63], [56, 69, 77], [70, 84, 93], [86, 101, 110], [102, 118, 128]],
    pavement: [50, 52, 50],
    casing: [20, 29, 34],
    speaks: [90, 190, 230],
    fused: [110, 225, 160],
    seen: [190, 160, 240],
    cyclist: [250, 190, 90],
    pedestrian: [250, 140, 200],
    warned: [255, 170, 40],
    imminent: [255, 80, 70],
    other: [255, 170, 40],
    rsu: [210, 225, 235],
    healthy: [110, 220, 150],
    impaired: [245, 180, 80],
    offline: [255, 110, 100],
    unheard: [140, 155, 165],
    chosen: [110, 180, 255],
    area: [130, 190, 240],
    event: [255, 150, 70],
    text: [235, 242, 245],
    textGround: [20, 30, 36],
  },
};
