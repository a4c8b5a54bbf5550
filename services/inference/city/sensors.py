"""Sensors and counters that are wrong, as findings: those of which traffic state complains again and again. Pure.

Traffic state judges every report (`state.counters`): what cannot be is left out, who disagrees or repeats itself weighs less.
Here it is told by name, once, until nothing of the kind has come for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.inference.city.findings import NOWHERE, Finding
from services.inference.city.state.counters import Wrong
from services.inference.register import Device

OVER_S = 300.0  # without another complaint
COUNTERS_A_DEVICE = 1 << 20  # a counter's number is its device's key times this, and a number of its own


@dataclass(frozen=True, slots=True)
class Fault:
    """What a complaint means. least: so many of them, since one may be an accident."""

    kind: str
    says: str
    least: int = 1


FAULTS: Mapping[str, Fault] = {
    Wrong.TIME_BACK: Fault("sensor_clock", "tells of times that lie before what it told last", 3),
    Wrong.TIME_AHEAD: Fault("sensor_clock", "tells of times that are yet to come", 3),
    Wrong.IMPOSSIBLE: Fault("sensor_fault", "counts what no road carries", 3),
    Wrong.NOWHERE: Fault("sensor_fault", "lies on no road of the site", 3),
    Wrong.FROZEN: Fault("sensor_fault", "tells the same figures again and again"),
    Wrong.DISAGREES: Fault("sensors_disagree", "disagrees with what vehicles and other counters say"),
    Wrong.SILENT: Fault("sensor_silent", "has fallen silent"),
}


@dataclass(slots=True)
class _Complaint:
    """count: of the books, when they were looked at last; new: since it was well; finding: None while it is not told."""

    count: int
    new: int
    first_us: int
    last_us: int
    finding: Finding | None = None


class SensorWatch:
    """Of one site. Owned by one thread."""

    def __init__(self, site_id: str) -> None:
        self._site_id = site_id
        self._of: dict[tuple[int, str], _Complaint] = {}

    def update(self, faults: Mapping[tuple[int, str], int], devices: Mapping[int, Device], now_us: int) -> list[Finding]:
        """What began and what is over; faults: the books of `Counters`, which only grow."""
        changes = []
        for key, count in faults.items():
            one = self._of.get(key)
            if one is None:
                one = self._of[key] = _Complaint(0, 0, now_us, now_us)
            if count > one.count:
                one.first_us = one.first_us if one.new else now_us
                one.new, one.count, one.last_us = one.new + count - one.count, count, now_us
                if one.finding is None and one.new >= FAULTS[key[1]].least:
                    one.finding = self._finding(key, one, devices)
                    changes.append(one.finding)
            elif one.new and now_us - one.last_us > OVER_S * 1e6:
                if one.finding is not None:
                    changes.append(one.finding.over(complaints=one.new))
                one.new, one.finding = 0, None
        return changes

    def _finding(self, key: tuple[int, str], one: _Complaint, devices: Mapping[int, Device]) -> Finding:
        counter, wrong = key
        fault, device = FAULTS[wrong], devices.get(counter // COUNTERS_A_DEVICE)
        name = device.device_id if device is not None else f"device {counter // COUNTERS_A_DEVICE}"
        return Finding(
            site_id=self._site_id,
            finding_id=f"{self._site_id}/{wrong}/{counter}/{one.first_us}",
            kind=fault.kind,
            severity="warning",
            since_us=one.first_us,
            place=device.place if device is not None and device.place is not None else NOWHERE,
            spot=name,
            text=f"{name} {fault.says}",
            detail={"wrong": str(wrong), "counter": counter % COUNTERS_A_DEVICE},
        )


def with_early(faults: Mapping[tuple[int, str], int], early: Mapping[int, int]) -> dict[tuple[int, str], int]:
    """The books of `Counters`, and what was refused before it came there: times to come, by device."""
    found = dict(faults)
    for key, count in early.items():
        of = key * COUNTERS_A_DEVICE, Wrong.TIME_AHEAD
        found[of] = found.get(of, 0) + count
    return found
