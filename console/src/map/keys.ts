// The canvas by keyboard: arrows move the view, + and − bring it nearer and further.

import type { KeyboardEvent } from "react";

import type { Scene } from "./scene";

const STEPS: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export function moveByKey(event: KeyboardEvent, scene: Scene | undefined): void {
  const step = STEPS[event.key];
  if (!scene || event.ctrlKey || event.altKey || event.metaKey) return;
  if (step) scene.move(step[0], step[1]);
  else if (event.key === "+" || event.key === "=") scene.zoom(1);
  else if (event.key === "-") scene.zoom(-1);
  else return;
  event.preventDefault();
}
