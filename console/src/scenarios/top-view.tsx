// The scene from above at a moment: the road, everybody's footprint as large as it is and as it is turned, stop lines with lights.

import { memo, useMemo } from "react";

import { lightOf } from "../map/signals";
import { useFormats, useWords } from "../words/words";
import { cornersOf, focusOf, type Frame, frameOf, HEIGHT, matrixOf, pointOf, spanOf, WIDTH } from "./framing";
import type { Motion, Placed } from "./motion";
import type { Actors, Scene, Told } from "./run";
import { cameBy, markedBy, shownBy } from "./so-far";

const KMH_PER_MPS = 3.6;
const GRID_M = 20; // lines on the ground, by which one sees that it passes

interface TopViewProps {
  readonly scene: Scene;
  readonly told: Told;
  readonly motion: Motion;
  readonly timeS: number;
  readonly mode: "live" | "playback";
}

export function TopView({ scene, told, motion, timeS, mode }: TopViewProps) {
  const words = useWords();
  const { actors } = scene;
  const focus = focusOf(actors);
  const heading = motion.all()[0]?.find((one) => one.actor === focus)?.heading ?? 0;
  const { instants } = motion;
  const spanM = useMemo(() => (instants ? spanOf(motion, actors, heading) : 1), [motion, actors, heading, instants]);
  const placed = motion.at(timeS);
  const frame = frameOf(placed, actors, focus, heading, spanM);
  const { warned, touched } = markedBy(cameBy(told.events, timeS));
  const order = [...placed].sort((one, other) => one.elevation - other.elevation || one.actor - other.actor);
  return (
    <svg className="top-view" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words("watch.view")} data-testid="top-view" data-mode={mode} data-time={timeS.toFixed(3)}>
      <Ground scene={scene} frame={frame} />
      <StopLines scene={scene} frame={frame} shown={shownBy(told.lights, timeS)} />
      {order.map((one) => {
        const name = actors.name[one.actor] ?? "";
        const kind = [actors.is_under_test[one.actor] ? "tested" : actors.is_traffic[one.actor] ? "traffic" : "", warned.has(name) ? "warned" : "", touched.has(name) ? "touched" : ""];
        return <Footprint key={one.actor} placed={one} actors={actors} name={name} frame={frame} className={kind.filter(Boolean).join(" ")} />;
      })}
      <ScaleBar frame={frame} />
    </svg>
  );
}

/** What stands still, in metres: only its place changes from frame to frame. */
function Ground({ scene, frame }: { scene: Scene; frame: Frame }) {
  return (
    <g className="ground" transform={matrixOf(frame)}>
      <Roads ways={scene.ways} />
    </g>
  );
}

const Roads = memo(function Roads({ ways }: { ways: Scene["ways"] }) {
  const order = [...ways].sort((one, other) => one.elevation_m - other.elevation_m);
  return (
    <>
      <defs>
        <pattern id="run-ground" width={GRID_M} height={GRID_M} patternUnits="userSpaceOnUse">
          <path className="grid" d={`M0 0H${GRID_M}M0 0V${GRID_M}`} />
        </pattern>
      </defs>
      <rect x={-1e5} y={-1e5} width={2e5} height={2e5} fill="url(#run-ground)" />
      {order.map(({ name, edges }) => (
        <g key={name}>
          <path className="surface" d={`${lineOf(edges[0] ?? [])}${lineOf(reversed(edges.at(-1) ?? [])).replace("M", "L")}Z`} />
          {edges.map((edge, row) => (
            <path key={row} className={row === 0 || row === edges.length - 1 ? "edge" : "divider"} d={lineOf(edge)} />
          ))}
        </g>
      ))}
    </>
  );
});

function lineOf(points: readonly number[]): string {
  const pairs = Array.from({ length: points.length / 2 }, (_, row) => `${points[2 * row]} ${points[2 * row + 1]}`);
  return pairs.length ? `M${pairs.join("L")}` : "";
}

function reversed(points: readonly number[]): readonly number[] {
  return Array.from(points, (_, at) => points[points.length - 2 - at + 2 * (at % 2)] ?? 0);
}

function StopLines({ scene, frame, shown }: { scene: Scene; frame: Frame; shown: ReadonlyMap<string, number> }) {
  const words = useWords();
  return scene.stop_lines.map(({ signal, x_m, y_m }) => {
    const [one, other] = [0, 1].map((end) => pointOf(frame, x_m[end] ?? 0, y_m[end] ?? 0));
    const light = lightOf(shown.get(signal) ?? 0);
    if (!one || !other) return null;
    return (
      <line key={signal} className={`stop-line ${light}`} x1={one[0]} y1={one[1]} x2={other[0]} y2={other[1]}>
        <title>{`${signal}: ${words(`watch.light.${light}`)}`}</title>
      </line>
    );
  });
}

interface FootprintProps {
  readonly placed: Placed;
  readonly actors: Actors;
  readonly name: string;
  readonly frame: Frame;
  readonly className: string;
}

function Footprint({ placed, actors, name, frame, className }: FootprintProps) {
  const { number } = useFormats();
  const corners = cornersOf(placed, actors.length_m[placed.actor] ?? 1, actors.width_m[placed.actor] ?? 1).map(([x, y]) => pointOf(frame, x, y));
  const middle = pointOf(frame, placed.x, placed.y);
  const heights = corners.map(([, y]) => y);
  const isBelow = placed.actor % 2 === 1; // so that the names of two beside one another do not lie on one another
  const written = isBelow ? Math.max(...heights) + 16 : Math.min(...heights) - 7;
  return (
    <g className={`actor ${className}`} data-actor={name} data-x={placed.x.toFixed(3)} data-y={placed.y.toFixed(3)} data-heading={placed.heading.toFixed(2)}>
      <polygon className="box" points={listed(corners)} />
      <polygon className="nose" points={listed(arrowIn(corners))} />
      {!actors.is_traffic[placed.actor] && (
        <text x={middle[0]} y={written} textAnchor="middle">
          {name} {number(placed.speed * KMH_PER_MPS)} km/h
        </text>
      )}
    </g>
  );
}

/** An arrow to the front of a footprint: from the middles of its sides. */
function arrowIn([frontLeft, frontRight, rearRight, rearLeft]: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  if (!frontLeft || !frontRight || !rearRight || !rearLeft) return [];
  const between = (one: readonly [number, number], other: readonly [number, number]) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2] as const;
  return [between(frontLeft, rearLeft), between(frontLeft, frontRight), between(frontRight, rearRight)];
}

function listed(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

function ScaleBar({ frame }: { frame: Frame }) {
  const metres = [50, 20, 10, 5].find((one) => one * frame.scale <= WIDTH / 5) ?? 5;
  const long = metres * frame.scale;
  return (
    <g className="scale">
      <line x1={16} x2={16 + long} y1={HEIGHT - 12} y2={HEIGHT - 12} />
      <text x={16 + long / 2} y={HEIGHT - 18} textAnchor="middle">
        {metres} m
      </text>
    </g>
  );
}
