"""The highest rate that is kept up with: rungs ever higher until one breaks, then halves between the last two. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

FACTOR = 1.5
LOWEST_SHARE = 1 / 8  # of the first rung: nothing is looked for below
StepT = TypeVar("StepT")


class Climb(Generic[StepT]):
    """`rungs`: all that were tried, in order, with what became of them; `top`: the highest that held, 0.0 when none did."""

    def __init__(self, attempt: Callable[[float], StepT], holds: Callable[[StepT], bool]) -> None:
        self._attempt, self._holds = attempt, holds
        self.top = 0.0
        self.rungs: list[tuple[float, StepT]] = []

    @property
    def sorted(self) -> list[tuple[float, StepT]]:
        """The rungs from the lowest to the highest."""
        return sorted(self.rungs, key=lambda rung: rung[0])

    def does_hold(self, rate: float) -> bool:
        """Try one rung."""
        step = self._attempt(rate)
        self.rungs.append((rate, step))
        is_held = self._holds(step)
        self.top = max(self.top, rate) if is_held else self.top
        return is_held

    def up(self, first: float, highest: float) -> float | None:
        """Rungs from `first` on, each `FACTOR` times the one before; the first that broke, None when `highest` held."""
        rate = first
        while self.does_hold(rate):
            if rate >= highest:
                return None
            rate = min(rate * FACTOR, highest)
        return rate

    def down(self, broken: float, lowest: float) -> float:
        """Half of a rung that broke, and again, until one holds or the lowest broke too; the lowest that broke."""
        while broken > lowest and not self.does_hold(broken / 2):
            broken /= 2
        return broken

    def halve(self, broken: float, times: int) -> None:
        """Come nearer to where it breaks."""
        for _ in range(times):
            middle = (self.top + broken) / 2
            if not self.does_hold(middle):
                broken = middle


def climb(
    attempt: Callable[[float], StepT], holds: Callable[[StepT], bool], *, first: float, highest: float, halvings: int
) -> Climb[StepT]:
    """Try rungs from `first` up to `highest`, from a first one that breaks downwards, and then between the last two."""
    found = Climb(attempt, holds)
    broken = found.up(first, highest)
    if broken is not None and not found.top:
        broken = found.down(broken, first * LOWEST_SHARE)
    if broken is not None and found.top:
        found.halve(broken, halvings)
    return found
