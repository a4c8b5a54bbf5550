"""An alarm in words: what kind, since when, by how much, by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.inference.city.anomalies.detector import Change, Kind
from services.inference.city.anomalies.parameters import AnomalyParameters

_NAMES = {Kind.SPIKE: "spike", Kind.SHIFT: "level shift", Kind.DRIFT: "drift", Kind.FROZEN: "frozen"}
_ENDS = {Change.CLEARED: "over", Change.ACCEPTED: "the new level is the usual one from now on"}


def told(alarm: Mapping[str, Any], name: str, unit: str, parameters: AnomalyParameters) -> str:
    """A sentence about a row of `AnomalyDetector.update`; name and unit are the series'."""
    kind, since = Kind(int(alarm["kind"])), datetime.fromtimestamp(int(alarm["since_us"]) / 1e6, UTC)
    head = f"{name}: {_NAMES[kind]} since {since:%Y-%m-%d %H:%M:%S} UTC"
    if alarm["change"] in _ENDS:
        return f"{head}: {_ENDS[Change(int(alarm['change']))]}"
    return f"{head}: {_reason(kind, alarm, unit, parameters)}"


def _reason(kind: Kind, alarm: Mapping[str, Any], unit: str, p: AnomalyParameters) -> str:
    value, usual, amount = (float(alarm[one]) for one in ("value", "usual", "amount"))
    read = f"{value:.4g} {unit} where {usual:.4g} is usual".replace("  ", " ")
    beyond = float(alarm["beyond"])
    if kind is Kind.SPIKE:
        return f"{read}, {beyond * p.spike:.1f} deviations from what the readings before foretell (from {p.spike:g})"
    if kind is Kind.FROZEN:
        minutes = (int(alarm["time_us"]) - int(alarm["since_us"])) / 60e6
        return f"{value:.4g} {unit} for {minutes:.0f} min: that many equal readings are less likely than {p.frozen_chance:g}"
    hours = p.shift_h if kind is Kind.SHIFT else p.drift_h
    limit = p.shift if kind is Kind.SHIFT else p.drift
    return f"{read}; off by {amount:+.4g} in the mean of {hours:g} h, {beyond:.2f} times the limit ({limit:g} deviations of it)"
