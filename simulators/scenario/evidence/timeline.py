"""What happened when, on rows: manoeuvres, lights, warnings, messages with how long they took."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from simulators.scenario.evidence.header import number
from simulators.scenario.evidence.shown import Shown
from simulators.scenario.evidence.story import Event, told
from simulators.scenario.evidence.svg import Scale, drawing, element, text
from simulators.scenario.evidence.top_view import LIGHTS
from simulators.scenario.trace import Floats, Ints
from simulators.signals import Light

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM = 1140.0, 26.0, 150.0, 16.0, 8.0, 26.0
Draw = Callable[[Scale, float], list[str]]
CHARACTER = 5.8  # how wide one is on average
MARKS = {"manoeuvre": "mark", "warning": "mark warning", "said": "mark", "contact": "mark contact", "decisive": "mark decisive"}


def timeline(shown: Shown) -> str:
    """One drawing."""
    rows = [*_lights(shown), *_events(shown), *_messages(shown)]
    x = Scale(0.0, max(shown.last * shown.trace.step_s, shown.trace.step_s), LEFT, WIDTH - RIGHT)
    height = TOP + ROW * len(rows) + BOTTOM
    parts = list(_axis(x, height))
    for index, (name, draw) in enumerate(rows):
        middle = TOP + ROW * (index + 0.5)
        parts.append(text(name, LEFT - 10.0, middle + 4.0, class_="tick", text_anchor="end"))
        parts.append(element("line", x1=x.begin, x2=x.end, y1=middle, y2=middle, class_="grid"))
        parts += draw(x, middle)
    at = x.at(min(shown.decisive_s, x.high))
    parts.append(element("line", x1=at, x2=at, y1=TOP, y2=height - BOTTOM, class_="instant"))
    return drawing(parts, WIDTH, height, "What happened when", "timeline")


def _axis(x: Scale, height: float) -> Iterator[str]:
    for value in x.ticks(12):
        at = x.at(value)
        yield element("line", x1=at, x2=at, y1=TOP, y2=height - BOTTOM + 4.0, class_="grid")
        yield text(number(value), at, height - 8.0, class_="tick", text_anchor="middle")
    yield text("s", x.end, height - 8.0, class_="tick", text_anchor="end", dx=12)


def _lights(shown: Shown) -> Iterator[tuple[str, Draw]]:
    for name, states in shown.trace.lights.items():
        yield name, _bars(states[: shown.last + 1, shown.column], shown.trace.step_s)


def _bars(states: Ints, step_s: float) -> Draw:
    def draw(x: Scale, middle: float) -> list[str]:
        begins = np.flatnonzero(np.diff(states, prepend=-1))
        ends = np.append(begins[1:], len(states) - 1)
        parts = []
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            left, right = x.at(begin * step_s), x.at(end * step_s)
            shows = LIGHTS.get(Light(int(states[begin])), "dark")
            box = {"x": left, "y": middle - 6.0, "width": max(right - left, 0.5), "height": 12.0}
            parts.append(element("rect", class_=f"light {shows}", **box))
        return parts

    return draw


def _events(shown: Shown) -> Iterator[tuple[str, Draw]]:
    events = [event for event in told(shown) if event.kind in MARKS]
    for name in dict.fromkeys(_row_of(event) for event in events):
        yield name, _marks([event for event in events if _row_of(event) == name])


def _row_of(event: Event) -> str:
    return event.kind if event.kind in {"contact", "decisive"} else event.who


def _marks(events: list[Event]) -> Draw:
    """A dot for each; words where they run into nothing: a warning told ten times a second is a row of dots."""

    def draw(x: Scale, middle: float) -> list[str]:
        at = [x.at(min(max(event.time_s, x.low), x.high)) for event in events]
        parts = [
            element("circle", cx=each, cy=middle, r=5.0, class_=MARKS[one.kind]) for each, one in zip(at, events, strict=True)
        ]
        free_from = x.begin
        for index, event in enumerate(events):
            is_of_row = event.kind in {"warning", "said"}  # its row says who
            words = event.text.removeprefix(event.who).lstrip(": ") if is_of_row else event.text
            said = f"{words} at {event.time_s:.2f} s"
            long = CHARACTER * len(said)
            until = at[index + 1] - 8.0 if index + 1 < len(events) else x.end
            right, left = at[index] + 9.0, at[index] - 9.0 - long
            begin = right if right + long <= until else left if left >= free_from else None
            if begin is not None:
                fitted = {"textLength": long, "lengthAdjust": "spacingAndGlyphs"}
                parts.append(text(said, begin, middle + 4.0, class_="tick halo", **fitted))
            free_from = at[index] + 8.0 if begin != right else right + long + CHARACTER
        return parts

    return draw


def _messages(shown: Shown) -> Iterator[tuple[str, Draw]]:
    messages = shown.single.messages
    if messages is None:
        return
    for sender in dict.fromkeys(messages["sender"].tolist()):
        own = messages.take(np.asarray(messages["sender"] == sender))
        took = (own["received_s"] - own["sent_s"]) * 1000.0
        known = took[np.isfinite(took)]
        middle = f"{np.median(known):.0f} ms" if len(known) else "none arrived"
        yield f"{sender}: {middle}", _ticks(own["sent_s"], own["received_s"])


def _ticks(sent_s: Floats, received_s: Floats) -> Draw:
    """A stroke from sent to received; a cross for what was lost."""

    def draw(x: Scale, middle: float) -> list[str]:
        parts = []
        for sent, received in zip(sent_s.tolist(), received_s.tolist(), strict=True):
            if sent > x.high:
                continue
            if np.isnan(received):
                parts.append(text("×", x.at(sent), middle + 4.0, class_="lost", text_anchor="middle"))
            else:
                end = max(x.at(min(received, x.high)), x.at(sent) + 1.0)
                parts.append(element("line", x1=x.at(sent), x2=end, y1=middle, y2=middle, class_="message"))
        return parts

    return draw
