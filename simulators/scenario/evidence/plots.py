"""Lines over time: speeds, accelerations, distances and what else is limited, with the limits and the decisive instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chelu.units import KMH_PER_MPS
from simulators.scenario.evidence.header import number
from simulators.scenario.evidence.shown import Shown
from simulators.scenario.evidence.svg import Scale, drawing, element, path, spread, text
from simulators.scenario.metrics.metric import Metric, Question
from simulators.scenario.metrics.nearness import distances_m, ttcs_s
from simulators.scenario.metrics.table import METRICS
from simulators.scenario.trace import Actor, Floats
from simulators.scenario.verdict import Judged, Outcome

WIDTH, HEIGHT = 560.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 30.0, 30.0
LONGEST_TTC_S = 10.0  # what is further off is no matter here
MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class Line:
    """A series (t,) of one actor (its number tells its colour), or of a pair."""

    name: str
    actor: int
    values: Floats


@dataclass(frozen=True, slots=True)
class Plot:
    """A title, a unit, lines, and what of requirements is drawn as limits: metric → factor to the plot's unit."""

    title: str
    unit: str
    lines: Sequence[Line]
    metrics: dict[str, float]


def plots(shown: Shown) -> list[str]:
    """The four that every run has, and one for each other metric over time that is limited."""
    usual = [_speed(shown), _acceleration(shown), *_nearness(shown)]
    taken = {name for plot in usual for name in plot.metrics}
    return [drawn(shown, plot) for plot in (*usual, *_required(shown, taken))]


def _speed(shown: Shown) -> Plot:
    lines = [Line(one.name, row, _own(shown, "speed_mps", row) * KMH_PER_MPS) for row, one in _own_actors(shown)]
    return Plot("Speed", "km/h", lines, {"speed_kmh": 1.0, "speed_mps": KMH_PER_MPS})


def _own_actors(shown: Shown) -> Iterator[tuple[int, Actor]]:
    """The scenario's own: background traffic would hide them."""
    yield from enumerate(shown.trace.actors[: shown.trace.cast])


def _acceleration(shown: Shown) -> Plot:
    lines = [Line(one.name, row, _own(shown, "acceleration_mps2", row)) for row, one in _own_actors(shown)]
    return Plot("Acceleration", "m/s²", lines, {"acceleration_mps2": 1.0, "deceleration_mps2": -1.0})


def _nearness(shown: Shown) -> list[Plot]:
    if not shown.others:
        return []
    names = {row: f"{shown.trace.actors[shown.focus].name} – {shown.trace.actors[row].name}" for row in shown.others}
    near = [Line(name, row, shown.series(distances_m, row)) for row, name in names.items()]
    ttc = [Line(name, row, _bounded(shown.series(ttcs_s, row))) for row, name in names.items()]
    return [
        Plot("Distance", "m", near, {"minimum_distance_m": 1.0, "gap_m": 1.0}),
        Plot(f"Time to collision up to {LONGEST_TTC_S:g} s", "s", ttc, {"ttc_s": 1.0}),
    ]


def _required(shown: Shown, taken: set[str]) -> list[Plot]:
    """What needs no parameters that must be given."""
    found: dict[str, Plot] = {}
    for one in shown.evidence.verdicts.requirements:
        metric = METRICS.get(one.metric)
        if (
            metric is None
            or one.metric in taken
            or one.metric in found
            or any(each.default is None for each in metric.parameters)
        ):
            continue
        values = _measured(shown, metric, one)
        if values.ndim == 2:
            series = np.where(np.isfinite(values[: shown.last + 1, 0]), values[: shown.last + 1, 0], np.nan)
            line = Line(" – ".join(one.actors), shown.trace.index(one.actors[-1]), series)
            found[one.metric] = Plot(one.metric, metric.unit, [line], {one.metric: 1.0})
    return list(found.values())


def _measured(shown: Shown, metric: Metric, one: Judged) -> Floats:
    trace = shown.single
    numbers = {each.name: np.full(1, each.default, np.float64) for each in metric.parameters if not each.is_text}
    texts = {each.name: str(each.default) for each in metric.parameters if each.is_text}
    return metric.measure(Question(trace, tuple(trace.index(actor) for actor in one.actors), trace.counts, numbers, texts))


def drawn(shown: Shown, plot: Plot) -> str:
    """One plot."""
    limits = _limits(shown, plot)
    values = [value for line in plot.lines for value in _ends(line.values)] + [value for value, _, _ in limits]
    low, high = spread(values, 2.0)
    x = Scale(0.0, max(shown.last * shown.trace.step_s, shown.trace.step_s), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [*_axes(x, y, plot), *(_line(shown, line, x, y) for line in plot.lines)]
    parts += [part for value, title, outcome in limits for part in _limit(value, title, outcome, y)]
    parts += [*_instant(shown, x), *_legend(plot)]
    return drawing(parts, WIDTH, HEIGHT, f"{plot.title} over time, {plot.unit}", "plot")


def _limits(shown: Shown, plot: Plot) -> list[tuple[float, str, Outcome]]:
    """Value in the plot's unit, what it says, what became of it."""
    return [
        (float(one.limit[shown.run]) * plot.metrics[one.metric], one.title, one.of_run(shown.run))
        for one in shown.evidence.verdicts.requirements
        if one.metric in plot.metrics and np.isfinite(one.limit[shown.run])
    ]


def _axes(x: Scale, y: Scale, plot: Plot) -> list[str]:
    parts = [text(f"{plot.title} [{plot.unit}]" if plot.unit else plot.title, LEFT, 16.0, class_="plot-title")]
    for value in y.ticks(4):
        at = y.at(value)
        parts.append(element("line", x1=x.begin, x2=x.end, y1=at, y2=at, class_="grid"))
        parts.append(text(number(value), LEFT - 6.0, at + 4.0, class_="tick", text_anchor="end"))
    for value in x.ticks(8):
        at = x.at(value)
        parts.append(element("line", x1=at, x2=at, y1=y.begin, y2=y.begin + 4.0, class_="axis"))
        parts.append(text(number(value), at, y.begin + 16.0, class_="tick", text_anchor="middle"))
    parts.append(element("line", x1=x.begin, x2=x.end, y1=y.begin, y2=y.begin, class_="axis"))
    parts.append(text("s", x.end, y.begin + 27.0, class_="tick", text_anchor="end"))
    return parts


def _line(shown: Shown, line: Line, x: Scale, y: Scale) -> str:
    step = max(1, len(line.values) // MOST_POINTS)
    at = np.unique(np.append(np.arange(0, len(line.values), step), len(line.values) - 1))
    return path(x(at * shown.trace.step_s), y(line.values[at]), class_=f"line actor-{colour(shown, line.actor)}")


def _limit(value: float, title: str, outcome: Outcome, y: Scale) -> list[str]:
    at = y.at(value)
    line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_=f"limit {outcome.word}")
    below = at < TOP + 14.0
    return [
        line,
        text(title, WIDTH - RIGHT - 2.0, at + (12.0 if below else -4.0), class_=f"limit-text {outcome.word}", text_anchor="end"),
    ]


def _instant(shown: Shown, x: Scale) -> list[str]:
    at = x.at(min(shown.decisive_s, x.high))
    return [element("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="instant")]


def _legend(plot: Plot) -> list[str]:
    """From the right, in the title's line."""
    at, parts = WIDTH - RIGHT, []
    for line in reversed(plot.lines):
        at -= 7.0 * len(line.name)
        parts.append(text(line.name, at, 16.0, class_="tick"))
        parts.append(element("line", x1=at - 18.0, x2=at - 4.0, y1=12.0, y2=12.0, class_=f"line actor-{line.actor % COLOURS}"))
        at -= 28.0
    return parts


COLOURS = 6


def colour(shown: Shown, actor: int) -> int:
    """Number of an actor's colour: its place in the scenario."""
    return actor % COLOURS if shown.trace.actors else 0


def _own(shown: Shown, name: str, actor: int) -> Floats:
    return np.asarray(getattr(shown.trace, name)[: shown.last + 1, shown.column, actor])


def _bounded(ttc_s: Floats) -> Floats:
    return np.where(ttc_s <= LONGEST_TTC_S, ttc_s, np.nan)


def _ends(values: Floats) -> list[float]:
    known = values[np.isfinite(values)]
    return [float(known.min()), float(known.max())] if len(known) else []
