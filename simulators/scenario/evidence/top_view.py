"""The scene from above at one instant: road, footprints, where everybody came from and went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu.motion.footprints import corners, forward, rightward
from chelu.units import KMH_PER_MPS
from simulators.scenario.evidence.plots import colour
from simulators.scenario.evidence.shown import Shown
from simulators.scenario.evidence.svg import drawing, element, path, round_step, text
from simulators.scenario.trace import Floats
from simulators.scenario.ways import Way
from simulators.signals import Light

WIDTH, HEIGHT = 1140.0, 330.0
LEAST_M, MOST_M, ROOM_M = 50.0, 220.0, 12.0  # what is to be seen along the longer side, and around the actors
SAMPLE_M = 2.0
LIGHTS = {Light.RED: "red", Light.YELLOW: "yellow", Light.PERMISSIVE_GREEN: "green", Light.PROTECTED_GREEN: "green"}


@dataclass(frozen=True, slots=True)
class Window:
    """Local metres → points: turned so that the focus heads to the right, `middle` (2,) in the middle."""

    middle: Floats
    heading_deg: float
    scale: float

    def __call__(self, xy: Floats) -> Floats:
        """Points (…, 2) of places (…, 2)."""
        offset = xy - self.middle
        along = np.sum(offset * forward(np.asarray(self.heading_deg)), axis=-1)
        aside = np.sum(offset * rightward(np.asarray(self.heading_deg)), axis=-1)
        return np.stack([WIDTH / 2.0 + self.scale * along, HEIGHT / 2.0 + self.scale * aside], axis=-1)


def top_view(shown: Shown) -> str:
    """At the decisive instant."""
    instant, trace = shown.decisive_instant, shown.trace
    window = _window(shown, instant)
    parts = [element("rect", x=0, y=0, width=WIDTH, height=HEIGHT, class_="ground")]
    for row in sorted(range(len(trace.ways.each)), key=lambda row: trace.ways.each[row].elevation_m):
        parts += _road(shown, row, trace.ways.each[row], window)
    parts += [part for name in trace.stop_lines for part in _stop_line(shown, name, instant, window)]
    for actor in range(len(trace.actors)):
        parts += _trail(shown, actor, instant, window)
    for actor in _there(shown, instant):
        parts += _footprint(shown, actor, instant, window)
    parts += [*_contact(shown, instant, window), *_scale_bar(window), *_north(window)]
    said = f"The scene from above at {instant * trace.step_s:.2f} s, {trace.actors[shown.focus].name} heading to the right"
    return drawing(parts, WIDTH, HEIGHT, said, "top-view")


def _there(shown: Shown, instant: int) -> list[int]:
    """Who is on the scene then, from the lowest deck to the highest."""
    height = shown.trace.elevation_m[instant, shown.column]
    known = np.isfinite(shown.trace.xy[instant, shown.column]).all(axis=-1)
    return [int(row) for row in np.argsort(height, kind="stable") if known[row]]


def _window(shown: Shown, instant: int) -> Window:
    """Whoever is near enough to be seen together with the focus; at least the focus and its nearest."""
    places = shown.trace.xy[instant, shown.column]
    there = _there(shown, instant)
    own = places[shown.focus] if shown.focus in there or not there else places[there[0]]
    heading = float(shown.trace.heading_deg[instant, shown.column, shown.focus])
    apart = np.linalg.norm(places - own, axis=-1)
    kept = places[apart <= MOST_M - 2 * ROOM_M]
    along = np.sum((kept - own) * forward(np.asarray(heading)), axis=-1)
    aside = np.sum((kept - own) * rightward(np.asarray(heading)), axis=-1)
    long, wide = np.ptp(along) + 2 * ROOM_M, np.ptp(aside) + 2 * ROOM_M
    across = WIDTH / HEIGHT
    span = float(np.clip(max(long, wide * across), LEAST_M, MOST_M * across))
    middle = own + (along.min() + along.max()) / 2.0 * forward(np.asarray(heading))
    middle = middle + (aside.min() + aside.max()) / 2.0 * rightward(np.asarray(heading))
    return Window(middle, heading, WIDTH / span)


def _road(shown: Shown, row: int, way: Way, window: Window) -> Iterator[str]:
    along = np.append(np.arange(0.0, way.length_m, SAMPLE_M), way.length_m)
    reach = np.hypot(WIDTH, HEIGHT) / 2.0 / window.scale + max(map(abs, way.edges_m))
    line = shown.trace.ways.at(np.full(along.shape, row), along, np.zeros_like(along)).xy
    near = np.flatnonzero(np.linalg.norm(line - window.middle, axis=-1) <= reach + SAMPLE_M)
    if not len(near):
        return
    along = along[max(near[0] - 1, 0) : near[-1] + 2]
    edges = [_beside(shown, row, along, edge_m, window) for edge_m in way.edges_m]
    surface = np.concatenate([edges[0], edges[-1][::-1]])
    yield element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in surface.tolist()), class_="surface")
    for number, edge in enumerate(edges):
        yield path(edge[:, 0], edge[:, 1], class_="edge" if number in {0, way.lanes} else "divider")


def _beside(shown: Shown, row: int, along: Floats, aside_m: float, window: Window) -> Floats:
    return window(shown.trace.ways.at(np.full(along.shape, row), along, np.full_like(along, aside_m)).xy)


def _stop_line(shown: Shown, name: str, instant: int, window: Window) -> Iterator[str]:
    row, place = shown.trace.stop_lines[name]
    way = shown.trace.ways.each[row]
    ends = np.array([way.edges_m[0], way.edges_m[-1]])
    points = window(shown.trace.ways.at(np.full(2, row), np.full(2, place), ends).xy)
    shows = (
        LIGHTS.get(Light(int(shown.trace.lights[name][instant, shown.column])), "dark") if name in shown.trace.lights else "dark"
    )
    yield path(points[:, 0], points[:, 1], class_=f"stop-line {shows}")


def _trail(shown: Shown, actor: int, instant: int, window: Window) -> Iterator[str]:
    points = window(shown.trace.xy[: shown.last + 1, shown.column, actor])
    step = max(1, len(points) // 400)
    number = colour(shown, actor)
    for name, some in (("went", points[instant:]), ("came", points[: instant + 1][::-1])):
        thin = some[::step]
        yield path(thin[:, 0], thin[:, 1], class_=f"trail {name} actor-{number}")


def _footprint(shown: Shown, actor: int, instant: int, window: Window) -> Iterator[str]:
    trace, one, at = shown.trace, shown.trace.actors[actor], (instant, shown.column, actor)
    place, heading = trace.xy[at][None], np.array([trace.heading_deg[at]])
    box = window(corners(place, heading, np.array([one.length_m]), np.array([one.width_m]))[0])
    number = colour(shown, actor)
    yield element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in box.tolist()), class_=f"box actor-{number}")
    front_right, front_left, rear_left, rear_right = box
    nose = np.array([(front_right + front_left) / 2.0, (front_left + rear_left) / 2.0, (front_right + rear_right) / 2.0])
    yield element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in nose.tolist()), class_=f"nose actor-{number}")
    x, y = window(place)[0].tolist()
    if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
        said = f"{one.name} {trace.speed_mps[at] * KMH_PER_MPS:.0f} km/h"
        above = float(box[:, 1].min()) - 6.0
        yield text(said, x, above if above > 14.0 else float(box[:, 1].max()) + 16.0, class_="label", text_anchor="middle")


def _contact(shown: Shown, instant: int, window: Window) -> Iterator[str]:
    """A ring around the two that touch."""
    if not np.isfinite(shown.trace.contact_s[shown.column]) or instant < shown.last:
        return
    pair = shown.trace.contact[shown.column]
    x, y = window(shown.trace.xy[instant, shown.column, pair].mean(axis=0)).tolist()
    yield element("circle", cx=x, cy=y, r=16.0, class_="contact")


def _scale_bar(window: Window) -> Iterator[str]:
    metres = round_step(60.0 / window.scale)
    long = metres * window.scale
    yield element("line", x1=16.0, x2=16.0 + long, y1=HEIGHT - 14.0, y2=HEIGHT - 14.0, class_="bar")
    yield text(f"{metres:g} m", 16.0 + long / 2.0, HEIGHT - 20.0, class_="label", text_anchor="middle")


def _north(window: Window) -> Iterator[str]:
    middle, northward = np.array([WIDTH - 36.0, 36.0]), _turned(window.heading_deg)
    tip, foot, letter = middle + 12.0 * northward, middle - 12.0 * northward, middle + 24.0 * northward
    yield element("line", x1=float(foot[0]), y1=float(foot[1]), x2=float(tip[0]), y2=float(tip[1]), class_="bar")
    yield element("circle", cx=float(tip[0]), cy=float(tip[1]), r=3.0, class_="tip")
    yield text("N", float(letter[0]), float(letter[1]) + 4.5, class_="label", text_anchor="middle")


def _turned(heading_deg: float) -> Floats:
    """North in the drawing, whose right is the heading: (2,)."""
    angle = np.radians(heading_deg)
    return np.array([np.cos(angle), -np.sin(angle)])
