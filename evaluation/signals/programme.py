"""A SUMO programme as stages with their limits: which phases are greens, and what lies between them.

A stage is a phase with green and without yellow. What follows until the next one is its change: phases with yellow; after them
phases that give nothing new, all red; and before them phases in which only people on foot lost their green, their clearance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chelu.signals.stages import Stage

GREEN = frozenset("gG")
LEAST_GREEN_S, LEAST_YELLOW_S = 5.0, 3.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase as the programme has it; least_s and most_s are 0 where it does not say."""

    state: str
    duration_s: float
    least_s: float = 0.0
    most_s: float = 0.0

    @property
    def green(self) -> frozenset[int]:
        """The links that are green."""
        return frozenset(row for row, sign in enumerate(self.state) if sign in GREEN)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds where the programme does not say; yellow_s replaces the programme's where given."""

    most_green_s: float = 120.0
    longest_red_s: float = 300.0
    yellow_s: float | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """Stages, what each shows while it is green, and the cycle's offset. on_foot: links of people on foot."""

    stages: tuple[Stage, ...]
    states: tuple[str, ...]
    on_foot: frozenset[int]
    offset_s: float

    def shown(self, stage: int, light: str, following: int) -> str:
        """What the heads show: who stays green goes through the change as it was."""
        now, then = self.states[stage], self.states[following]
        if light == "green":
            return now
        return "".join(
            self._sign(row, sign, light) if sign in GREEN and then[row] not in GREEN else sign for row, sign in enumerate(now)
        )

    def _sign(self, row: int, sign: str, light: str) -> str:
        if row in self.on_foot:
            return "r"
        return {"clearing": sign, "yellow": "y", "red": "r"}[light]


def derive(phases: Sequence[Phase], on_foot: frozenset[int], offset_s: float, limits: Limits) -> Programme | None:
    """The programme's stages; nothing where there are not two to choose between."""
    greens = [row for row, phase in enumerate(phases) if _is_stage(phases, row, on_foot)]
    if len(greens) < 2 or len({phases[row].state for row in greens}) < 2:
        return None
    stages = []
    for number, row in enumerate(greens):
        ends = greens[(number + 1) % len(greens)]
        between = [phases[one % len(phases)] for one in range(row + 1, ends + len(phases) * (ends <= row))]
        stages.append(_stage(phases[row], between, limits))
    return Programme(tuple(stages), tuple(phases[row].state for row in greens), on_foot, offset_s)


def _is_stage(phases: Sequence[Phase], row: int, on_foot: frozenset[int]) -> bool:
    phase, before, after = phases[row], phases[row - 1], phases[(row + 1) % len(phases)]
    if not phase.green or _has_yellow(phase):
        return False
    is_clearance = phase.green < before.green and before.green - phase.green <= on_foot and not _has_yellow(before)
    is_rest = _has_yellow(before) and phase.green <= before.green and phase.green < after.green
    return not (is_clearance or (is_rest and phase.duration_s <= 5.0))


def _has_yellow(phase: Phase) -> bool:
    return "y" in phase.state or "u" in phase.state


def _stage(phase: Phase, between: Sequence[Phase], limits: Limits) -> Stage:
    yellow_s = sum(one.duration_s for one in between if _has_yellow(one))
    first = next((row for row, one in enumerate(between) if _has_yellow(one)), 0)
    cleared_s, red_s = (
        sum(one.duration_s for one in part if not _has_yellow(one)) for part in (between[:first], between[first:])
    )
    least_s = phase.least_s or min(LEAST_GREEN_S, phase.duration_s)
    stage = Stage(
        phases=tuple(sorted(phase.green)),
        green_s=phase.duration_s,
        least_green_s=least_s,
        most_green_s=max(phase.most_s or limits.most_green_s, phase.duration_s, least_s),
        clearance_s=cleared_s,
        yellow_s=max(yellow_s, LEAST_YELLOW_S),
        all_red_s=red_s,
    )
    if limits.yellow_s is not None:
        stage = replace(stage, yellow_s=limits.yellow_s, all_red_s=0.0)
    return stage
