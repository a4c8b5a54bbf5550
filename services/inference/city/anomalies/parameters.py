"""When a reading counts as odd, and how long it takes to learn what is usual."""

from __future__ import annotations

from dataclasses import dataclass

from services.inference.parameters import parameter


@dataclass(frozen=True, slots=True)
class AnomalyParameters:
    """Of all series of one detector; docs/city/anomalies.md carries this as a table."""

    spike: float = parameter(5.5, "deviations", "a reading that leaves the way of those before it by so many", low=2.0, high=50.0)
    least_spike: float = parameter(
        0.8, "deviations", "of the whole series, whatever the time of day: who is off by less is not odd", low=0.0, high=20.0
    )
    extreme: float = parameter(
        4.5, "deviations", "of the whole series: so far from its mean is a spike at any time of day", low=2.0, high=50.0
    )
    above_peaks: float = parameter(
        1.3, "1", "and by so many times what the days before were at most; also a shift", low=0.0, high=20.0
    )
    shift: float = parameter(3.5, "deviations", "the mean of `shift_h` that is off by so many of its own", low=2.0, high=50.0)
    drift: float = parameter(3.5, "deviations", "the mean of `drift_h` that is off by so many of its own", low=2.0, high=50.0)
    frozen_chance: float = parameter(
        1e-9, "1", "a run of equal readings that is less likely than this, by how often two are equal", low=0.0, high=0.1
    )
    frozen_least_h: float = parameter(0.5, "h", "no shorter run is frozen", low=0.0, high=240.0)
    frozen_longer: float = parameter(2.0, "1", "nor one that is not so many times the longest of its past", low=1.0, high=100.0)
    shift_h: float = parameter(1.0, "h", "a jam or a fault lasts longer, an odd reading does not", low=0.05, high=48.0)
    drift_h: float = parameter(24.0, "h", "whole days, so that no time of day counts more than another", low=1.0, high=720.0)
    least_shift: float = parameter(1.5, "deviations", "of the readings: a mean that is off by less matters to nobody", high=50.0)
    least_drift: float = parameter(0.7, "deviations", "of the readings: as above", high=50.0)
    crept: float = parameter(
        0.3, "1", "a shift is a drift where the mean of `drift_h` has come so far: a jump was there in 2 h", low=0.05, high=1.0
    )
    release: float = parameter(0.5, "1", "an alarm ends below this share of its threshold", low=0.05, high=1.0)
    calm_h: float = parameter(1.0, "h", "when it has been below for so long", low=0.0, high=48.0)
    accept_days: float = parameter(3.0, "d", "a level that stays so long is from then on the usual one", low=0.1, high=365.0)
    learn_days: float = parameter(3.0, "d", "nothing is told of a series that is younger", high=60.0)
    memory_days: float = parameter(10.0, "d", "days of a kind (working or not) that the usual is a mean of", low=1.0, high=365.0)
    utc_offset_h: float = parameter(8.0, "h", "local time, by which day and night go", low=-12.0, high=14.0)
