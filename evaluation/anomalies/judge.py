"""What a method's alarms are worth: detection rate, false alarms a day, time to detect, kinds; and the benchmark's score.

How sensitive a method is to be is chosen on other series than those it is judged on: of the labelled ones each is judged with
what served the others best, by the benchmark's score; the staged ones with what served another seed's best, by the harmonic
mean of recall and precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.anomalies import benchmark
from evaluation.anomalies.labelled import Labelled, Window
from evaluation.anomalies.methods import SENSITIVITIES, Alarm, Alarms, Method
from services.inference.city.anomalies.detector import Kind

_DAY_US = 86_400e6


@dataclass(frozen=True, slots=True)
class Tally:
    """Windows, minutes from the begin of each found one to its first alarm, false alarms and the days they came in."""

    windows: int
    delays_min: tuple[float, ...]
    of_right_kind: int
    false: int
    days: float

    @property
    def detected(self) -> int:
        """Windows with an alarm."""
        return len(self.delays_min)

    @property
    def balance(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2.0 * self.detected / max(self.windows + self.detected + self.false, 1)

    def figures(self) -> dict[str, Any]:
        """For the report."""
        delays = np.array(self.delays_min)
        return {
            "windows": self.windows,
            "detected": self.detected,
            "detection_percent": round(100.0 * self.detected / self.windows, 1) if self.windows else None,
            "right_kind": self.of_right_kind,
            "false_alarms": self.false,
            "false_alarms_a_day": round(self.false / self.days, 4),
            "minutes_to_detect_p50": round(float(np.median(delays)), 1) if len(delays) else None,
            "minutes_to_detect_p95": round(float(np.percentile(delays, 95)), 1) if len(delays) else None,
        }


def tally(labelled: Labelled, alarms: Alarms, kinds: Iterable[Kind] | None = None) -> Tally:
    """Count; what is learned from (the benchmark's first 15 %) counts nothing. kinds: only windows of these."""
    delays, right, windows, false, days = [], 0, 0, 0, 0.0
    for at, found in enumerate(alarms):
        time, first = labelled.time_us[:, at], benchmark.learning_rows(labelled.rows[at])
        counted = [one for one in found if one.row >= first]
        asked = [one for one in labelled.windows[at] if kinds is None or one.kind in kinds]
        windows += len(asked)
        false += sum(not any(_holds(window, one) for window in labelled.windows[at]) for one in counted)
        days += float(time[labelled.rows[at] - 1] - time[first]) / _DAY_US
        for window in asked:
            inside = [one for one in counted if _holds(window, one)]
            if inside:
                delays.append(float(time[inside[0].row] - time[window.first]) / 60e6)
                right += inside[0].kind is window.kind
    return Tally(windows, tuple(delays), right, false, days)


def judge_labelled(labelled: Labelled, method: Method) -> dict[str, Any]:
    """Each series with the sensitivity that served the others best; and, as the benchmark does it, with the one best for all."""
    tried = {sensitivity: method(labelled, sensitivity) for sensitivity in SENSITIVITIES}
    scores = {one: _scores(labelled, alarms) for one, alarms in tried.items()}
    windows, series = sum(len(one) for one in labelled.windows), range(len(labelled.names))
    chosen = [_best({one: sum(of) - of[held] for one, of in scores.items()}) for held in series]
    alarms = [tried[one][held] for held, one in enumerate(chosen)]
    best = _best({one: sum(of) for one, of in scores.items()})
    return {
        "sensitivity": dict(zip(labelled.names, chosen, strict=True)),
        "score": round(benchmark.normalised(sum(_scores(labelled, alarms)), windows), 1),
        "score_of_each": {name: round(of, 3) for name, of in zip(labelled.names, _scores(labelled, alarms), strict=True)},
        "score_best_for_all": round(benchmark.normalised(sum(scores[best]), windows), 1),
        "score_by_default": round(benchmark.normalised(sum(scores[1.0]), windows), 1),
        **tally(labelled, alarms).figures(),
    }


def judge_staged(learned: Labelled, judged: Labelled, method: Method) -> dict[str, Any]:
    """With the sensitivity that served the first best, on the second; `trade` is the second at every sensitivity."""
    best = _best({one: tally(learned, method(learned, one)).balance for one in SENSITIVITIES})
    tried = {one: method(judged, one) for one in SENSITIVITIES}
    found = tally(judged, tried[best])
    kinds = sorted({window.kind for windows in judged.windows for window in windows})
    return {
        "sensitivity": best,
        **found.figures(),
        "kinds": {kind.name.lower(): _of_kind(judged, tried[best], kind) for kind in kinds},
        "trade": {str(one): _trade(tally(judged, alarms)) for one, alarms in tried.items()},
    }


def _of_kind(labelled: Labelled, alarms: Alarms, kind: Kind) -> dict[str, Any]:
    names = ("windows", "detected", "right_kind", "detection_percent", "minutes_to_detect_p50", "minutes_to_detect_p95")
    figures = tally(labelled, alarms, (kind,)).figures()
    return {name: figures[name] for name in names}


def _trade(one: Tally) -> dict[str, float]:
    return {"detection_percent": round(100.0 * one.detected / max(one.windows, 1), 1), "false_alarms_a_day": one.false / one.days}


def _best(worth: Mapping[float, float]) -> float:
    """The best sensitivity; among equals the middle one."""
    most = max(worth.values())
    best = sorted(one for one, of in worth.items() if of >= most - 1e-9)
    return best[(len(best) - 1) // 2]


def _scores(labelled: Labelled, alarms: Alarms) -> list[float]:
    return [benchmark.score([one.row for one in found], *about) for found, about in zip(alarms, _about(labelled), strict=True)]


def _about(labelled: Labelled) -> Iterable[tuple[int, Sequence[Window]]]:
    return zip(labelled.rows, labelled.windows, strict=True)


def _holds(window: Window, alarm: Alarm) -> bool:
    return window.first <= alarm.row <= window.last
