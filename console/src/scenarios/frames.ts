// A clock of the page's: what is shown moves on with every frame that the browser draws, however many these are.

import { useEffect, useRef } from "react";

const MOST_S = 0.5; // of one frame: a page that was hidden goes on from where it was

export function useFrames(isOn: boolean, frame: (passedS: number) => void): void {
  const newest = useRef(frame);
  useEffect(() => {
    newest.current = frame;
  });
  useEffect(() => {
    if (!isOn) return;
    let before = performance.now();
    let handle = window.requestAnimationFrame(function next(now) {
      newest.current(Math.min(Math.max(now - before, 0) / 1000, MOST_S));
      before = now;
      handle = window.requestAnimationFrame(next);
    });
    return () => window.cancelAnimationFrame(handle);
  }, [isOn]);
}
