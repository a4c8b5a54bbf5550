"""What a part of the benchmark is told when it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from evaluation.bench.results import Findings, Results

Part = Callable[["Context"], Findings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """tell: called with a few words whenever the work at hand changes; results: of the parts before this one.

    minutes, rate_per_s: of the soak alone; no rate: half of the highest that was found.
    """

    results: Results
    tell: Callable[[str], None] = field(default=lambda _: None)
    minutes: float = 10.0
    rate_per_s: float | None = None
    rows: int | None = None  # of the export alone

    @property
    def is_quick(self) -> bool:
        """Less of everything, and no judgement."""
        return self.results.is_quick
