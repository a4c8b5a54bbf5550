"""Lights of an OpenDRIVE file as signal controllers and groups; what they show when is not in the format."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chelu.roads.network import Signals
from chelu.roads.opendrive.connecting import Groups
from chelu.roads.opendrive.model import OpenDrive, Signal

_LIGHTS = "1000001"  # OpenDRIVE's type of a light for vehicles with three colours; others of its kind begin alike


def signals_of(model: OpenDrive, node_row: Mapping[str, int]) -> tuple[Signals, Groups]:
    """The controllers that have lights (a light without one is its own), and which group holds which lane."""
    lights = {one.id: one for road in model.roads.values() for one in road.signals if _is_light(one)}
    controlled = {name: [one for one in ids if one in lights] for name, ids in model.controllers.items()}
    alone = set(lights) - {one for ids in controlled.values() for one in ids}
    controllers = {name: ids for name, ids in controlled.items() if ids} | {name: [name] for name in sorted(alone)}
    junction_of = {name: junction.id for junction in model.junctions.values() for name in junction.controllers}
    number = {light: (row, group) for row, ids in enumerate(controllers.values()) for group, light in enumerate(ids)}
    table = Signals(
        id=np.array(list(controllers), np.str_),
        node=np.array([node_row.get(junction_of.get(name, ""), -1) for name in controllers], np.int32),
        offset_s=np.zeros(len(controllers)),
        phase_signal=np.empty(0, np.int32),
        phase_duration_s=np.empty(0),
        phase_state=np.empty(0, np.str_),
    )
    return table, _groups(model, number)


def _is_light(signal: Signal) -> bool:
    return signal.is_dynamic and signal.type.startswith(_LIGHTS[:5])


def _groups(model: OpenDrive, number: Mapping[str, tuple[int, int]]) -> Groups:
    found: dict[tuple[str, int, bool], tuple[int, int]] = {}
    for road in model.roads.values():
        for light in (one for one in road.signals if one.id in number):
            for lane in {lane.id: lane for section in road.sections for lane in section.lanes.values()}.values():
                is_along = road.runs_along(lane)
                faces = light.orientation == "none" or (light.orientation == "+") == is_along
                if faces and (
                    not light.lanes or any(low <= lane.id <= high or high <= lane.id <= low for low, high in light.lanes)
                ):
                    found[road.id, lane.id, is_along] = number[light.id]
    return found
