"""What a drill came to: figures with their bars, and what did not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(slots=True)
class Verdict:
    """Lines for a person, figures for a file, and what failed."""

    drill: str
    lines: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def hold(self, is_so: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note what should hold, and that it does not when it does not."""
        self.lines.append(f"{'holds' if is_so else 'FAILS'}: {what}")
        if not is_so:
            self.failures.append(what)

    def within(self, name: str, what: str, values_ms: Sequence[float], bar_ms: float) -> None:
        """Times with their p50, p99 and worst, the p99 judged by a bar."""
        found = np.asarray(values_ms, np.float64)
        p50, p99, worst = (float(np.percentile(found, share)) for share in (50, 99, 100))
        self.figures[name] = {"p50_ms": round(p50, 1), "p99_ms": round(p99, 1), "max_ms": round(worst, 1), "count": len(found)}
        text = f"{what}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, worst {worst:.0f} ms (of {len(found)}; bar: p99 {bar_ms:.0f} ms)"
        self.hold(p99 <= bar_ms, text)
