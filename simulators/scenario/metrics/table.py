"""The table of metrics: a name → what it is. Requirements, the JSON schema and docs/metrics.md are derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simulators.scenario.metrics import (
    cooperation,
    device,
    driving,
    encounters,
    following,
    messages,
    nearness,
    recording,
    road_keeping,
    safe_distances,
    signals,
    unit,
)
from simulators.scenario.metrics.metric import Metric

GROUPS: Mapping[str, tuple[Metric, ...]] = MappingProxyType(
    {
        "Nearness of two": nearness.METRICS,
        "One behind another": following.METRICS,
        "Safe distances": safe_distances.METRICS,
        "A whole encounter": encounters.METRICS,
        "One actor's driving": driving.METRICS,
        "One actor on its way": road_keeping.METRICS,
        "Signals": signals.METRICS,
        "Warnings, messages and the rig": messages.METRICS,
        "A device in the loop": device.METRICS,
        "A device that cooperates": cooperation.METRICS,
        "A roadside unit in the loop": unit.METRICS,
        "A recording": recording.METRICS,
    }
)
METRICS: Mapping[str, Metric] = MappingProxyType({one.name: one for group in GROUPS.values() for one in group})
