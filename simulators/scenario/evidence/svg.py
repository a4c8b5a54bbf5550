"""Drawings as text: elements with escaped attributes, scales from values to points, round numbers for axes."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.scenario.trace import Floats


def element(name: str, inside: str = "", /, **attributes: object) -> str:
    """An element; names of attributes with `_` for `-`, and `class_` for `class`; those that are None are left out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{told}>{inside}</{name}>" if inside else f"<{name}{told}/>"


def text(said: str, x: float, y: float, /, **attributes: object) -> str:
    """A line of text."""
    return element("text", html.escape(said), x=x, y=y, **attributes)


def drawing(inside: Iterable[str], width: float, height: float, said: str, class_: str = "drawing") -> str:
    """A whole drawing that fits its column; `said` is what it shows, for those who cannot see it."""
    title = element("title", html.escape(said))
    box = f"0 0 {_text(width)} {_text(height)}"
    return element("svg", title + "".join(inside), class_=class_, viewBox=box, role="img")


def path(x: Floats, y: Floats, /, **attributes: object) -> str:
    """A line through points; where a value is none it is broken."""
    parts, is_down = [], False
    for east, north in zip(x.tolist(), y.tolist(), strict=True):
        if not (math.isfinite(east) and math.isfinite(north)):
            is_down = False
            continue
        parts.append(f"{'L' if is_down else 'M'}{east:.2f} {north:.2f}")
        is_down = True
    return element("path", d="".join(parts), fill="none", **attributes) if parts else ""


@dataclass(frozen=True, slots=True)
class Scale:
    """From values low … high to points begin … end."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: Floats) -> Floats:
        """Points of values."""
        return np.asarray(self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin))

    def at(self, value: float) -> float:
        """A value's point."""
        return float(self(np.asarray(value)))

    def ticks(self, count: int = 5) -> list[float]:
        """About so many round values."""
        step = round_step((self.high - self.low) / max(count, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def round_step(least: float) -> float:
    """The round number (1, 2, 2.5 or 5 times a power of ten) that is not below this."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9))


def spread(values: Sequence[float], least: float = 1.0) -> tuple[float, float]:
    """Low and high around these values with a little room; never less apart than `least`."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    room = max((high - low) * 0.08, (least - (high - low)) / 2.0, 0.0)
    return low - room, high + room


def _text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
