// The time that is shown of a run: what is going on is followed, what is over is played.

const MOST_BEHIND_S = 1; // further behind than that there is no catching up: the newest is shown
const FOLLOWED_S = 0.2;

/** Where a clock that follows a run stands after a while: never past the newest instant, and never long behind it. */
export function followed(shownS: number, newestS: number, passedS: number): number {
  const wanted = shownS + passedS;
  if (newestS - wanted > MOST_BEHIND_S) return Math.max(newestS - FOLLOWED_S, 0);
  return Math.min(wanted, newestS);
}

/** Where a clock that plays a run stands after a while; it ends where the run does. */
export function played(shownS: number, endS: number, passedS: number, speed: number): number {
  return Math.min(shownS + passedS * speed, endS);
}
