// What lists and details beside a map need of it, whether it shows what is or what was.

import type { Picture, Warning } from "./picture";
import type { Picked, Scene } from "./scene";

export interface Shown {
  readonly picture: Picture;
  readonly scene: Scene;
  readonly pick: (picked: Picked | undefined) => void;
}

export interface WarningsNow {
  readonly timeUs: number;
  readonly warnings: readonly Warning[];
  readonly moreWarnings: number;
}
