"""A signal's SPAT: what each phase shows now, and until when at the soonest and likely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chelu.codec import cv2x
from chelu.lights import Light
from chelu.messages import SPAT, Batch
from chelu.signals.stages import US, Shown, Stage
from edge.signal_plan import Ahead

MOST_PHASES = 16  # of an intersection in a SPAT (YD/T 3709-2020)


def phases_of(stages: Sequence[Stage]) -> tuple[int, ...]:
    """Every phase that some stage opens."""
    return tuple(sorted({phase for stage in stages for phase in stage.phases}))


def light_of(phase: int, shown: Shown, following: int, stages: Sequence[Stage]) -> Light:
    """What a phase shows: who is green before and after a change is green through it."""
    now, then = stages[shown.stage], stages[following]
    if phase not in now.phases:
        return Light.RED
    is_staying = shown.light in {"green", "clearing"} or phase in then.phases
    if is_staying:
        return Light.PERMISSIVE_GREEN if phase in now.permissive else Light.PROTECTED_GREEN
    return Light.YELLOW if shown.light == "yellow" else Light.RED


class SpatWriter:
    """Frames of one intersection; a signal with more phases than a SPAT holds says them in several. Owned by one thread."""

    def __init__(self, stages: Sequence[Stage], region: int, intersection: int) -> None:
        self._stages, self._region, self._intersection = stages, region, intersection
        self._phases = phases_of(stages)
        self._count = 0

    def frames(self, shown: Shown, following: int, ahead: Ahead, now_us: int) -> list[bytes]:
        """As of now; ahead: when what is shown ends, and when each stage is green next."""
        lights = [light_of(phase, shown, following, self._stages) for phase in self._phases]
        ends_us = [
            self._opens_us(phase, ahead) if light == Light.RED else ahead.ends_us
            for light, phase in zip(lights, self._phases, strict=True)
        ]
        ends_s = np.maximum(0.0, (np.array(ends_us) - now_us) / US)
        self._count = (self._count + 1) % 128
        n = len(self._phases)
        rows = {name: np.full(n, np.nan) if kind.kind == "f" else np.zeros(n, kind) for name, kind in SPAT.dtypes().items()}
        batch = Batch(rows).with_columns(
            frame=np.arange(n) // MOST_PHASES,
            time_us=np.full(n, now_us, np.int64),
            message_count=np.full(n, self._count, np.uint8),
            region_id=np.full(n, self._region, np.uint16),
            region_id_valid=np.full(n, self._region > 0),
            intersection_id=np.full(n, self._intersection, np.uint16),
            phase_id=np.array(self._phases, np.int16),
            light=np.array(lights, np.uint8),
            timing=np.ones(n, np.uint8),
            start_s=np.zeros(n),
            min_end_s=ends_s[:, 0],
            likely_end_s=ends_s[:, 1],
        )
        frames = cv2x.encode_spat(batch)
        return [frames.frame(row) for row in range(len(frames))]

    def _opens_us(self, phase: int, ahead: Ahead) -> tuple[int, int]:
        """When a phase that is red is green next: with the first of its stages."""
        opens = [ahead.opens_us[row] for row, stage in enumerate(self._stages) if phase in stage.phases]
        return min(soonest for soonest, _ in opens), min(likely for _, likely in opens)
