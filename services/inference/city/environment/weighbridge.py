"""A weighbridge of a port: trucks that weigh more than they may, and a bridge that weighs nobody while trucks wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chelu.messages import Batch
from chelu.quantities import by_name
from services.inference.city.environment.findings import Finding, Judged
from services.inference.parameters import parameter
from services.inference.register import Device

APPLICATION = "weighbridge"
WEIGHT, WAITING = by_name()["vehicle_weight"].code, by_name()["waiting_trucks"].code


@dataclass(frozen=True, slots=True)
class WeighbridgeParameters:
    """`[site.weighbridge]`; docs/city/environment.md has this as a table."""

    most_kg: float = parameter(49_000.0, "kg", "GB 1589-2016: an articulated vehicle of six axles", low=1000.0, high=1e6)
    told_s: float = parameter(3600.0, "s", "ours: for so long after the last one that weighed more", high=86_400.0)
    stalled_s: float = parameter(900.0, "s", "ours: nobody was weighed for so long, though trucks wait", low=60.0, high=86_400.0)
    stalled_trucks: float = parameter(3.0, "1", "ours: so many wait at least", low=1.0, high=1000.0)


@dataclass(slots=True)
class _Bridge:
    """heavy: when, and how many kg, of those that weighed more; weighed_us: when the last one was on it; 0 for never."""

    heavy: deque[tuple[int, float]] = field(default_factory=deque)
    weighed_us: int = 0
    waiting: float = 0.0
    now_us: int = 0


class WeighbridgeWatch:
    """Of all weighbridges of a site. Owned by one thread."""

    def __init__(self, parameters: WeighbridgeParameters) -> None:
        self._p = parameters
        self._bridges: dict[int, _Bridge] = {}

    def hear(self, rows: Batch, devices: Mapping[int, Device]) -> list[Judged]:
        """Readings with their device's key; a verdict on each that weighs or has weighed."""
        rows = rows.take(np.isin(rows["quantity"], (WEIGHT, WAITING)) & np.isfinite(rows["value"]))
        found = []
        for key in np.unique(rows["device_key"]).tolist():
            one = self._bridges.setdefault(key, _Bridge())
            self._take(one, rows.take(rows["device_key"] == key))
            if key in devices and one.weighed_us:
                found.append(self._judged(devices[key], one))
        return found

    def _take(self, one: _Bridge, rows: Batch) -> None:
        order = np.argsort(rows["time_us"], kind="stable")
        columns = (rows[name][order].tolist() for name in ("time_us", "quantity", "value"))
        for time_us, quantity, value in zip(*columns, strict=True):
            if quantity == WAITING:
                one.waiting = value if time_us >= one.now_us else one.waiting
            else:
                one.weighed_us = max(one.weighed_us, time_us)
                if value > self._p.most_kg:
                    one.heavy.append((time_us, value))
            one.now_us = max(one.now_us, time_us)
        while one.heavy and one.heavy[0][0] < one.now_us - self._p.told_s * 1e6:
            one.heavy.popleft()

    def _judged(self, device: Device, one: _Bridge) -> Judged:
        findings = []
        if one.heavy:
            heaviest, trucks = max(weight for _, weight in one.heavy), len(one.heavy)
            text = f"a truck of {heaviest / 1000:.1f} t, which is more than {self._p.most_kg / 1000:g} t"
            detail = {"unit": "kg", "trucks": trucks}
            findings.append(_finding(device, "overweight", "overweight", text, (heaviest, self._p.most_kg), detail))
        idle_s = (one.now_us - one.weighed_us) / 1e6
        if one.waiting >= self._p.stalled_trucks and idle_s >= self._p.stalled_s:
            text = f"trucks wait, and none was weighed for {self._p.stalled_s / 60:g} min"
            findings.append(_finding(device, "stalled", "truck_queue", text, (idle_s, self._p.stalled_s), {"unit": "s"}))
        return Judged(APPLICATION, device.device_id, findings)


def _finding(
    device: Device, part: str, kind: str, text: str, figures: tuple[float, float], detail: Mapping[str, object]
) -> Finding:
    return Finding(
        application=APPLICATION,
        subject=device.device_id,
        part=part,
        kind=kind,
        severity="warning",
        value=figures[0],
        bound=figures[1],
        text=f"{device.device_id}: {text}",
        place=device.place,
        detail=detail,
    )
