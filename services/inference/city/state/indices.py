"""Congestion under its standard names: travel-time index, level of service, and Chongqing's levels, index and duration.

Chongqing's own standard is DBJ50/T-401-2021 (城市道路交通运行评价标准): nodes are judged by the mean delay of travel, roads by
mean travel speed, the network by an index, and congestion by how long it lasts. Limits are parameters; docs/city/state.md says
where the defaults come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.segments import WORST_INDEX
from services.inference.city.state.layout import Layout, Scope
from services.inference.parameters import parameter
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

LETTERS = "ABCDEF"
UNKNOWN = 0  # of a level


@dataclass(frozen=True, slots=True)
class IndexParameters:
    """Limits of the indices; docs/city/state.md carries this as a table."""

    fast_kmh: float = parameter(70.0, "km/h", "speed limit from which a road counts as 快速路", low=30.0, high=130.0)
    main_kmh: float = parameter(45.0, "km/h", "speed limit from which a road counts as 主干路", low=20.0, high=130.0)
    fast_1_kmh: float = parameter(65.0, "km/h", "快速路 畅通 above; DB11/T 785-2011", low=5.0, high=130.0)
    fast_2_kmh: float = parameter(50.0, "km/h", "快速路 基本畅通 above; the same", low=5.0, high=130.0)
    fast_3_kmh: float = parameter(35.0, "km/h", "快速路 轻度拥堵 above; the same", low=5.0, high=130.0)
    fast_4_kmh: float = parameter(20.0, "km/h", "快速路 中度拥堵 above, else 严重拥堵; the same", low=1.0, high=130.0)
    main_1_kmh: float = parameter(40.0, "km/h", "主干路, likewise", low=5.0, high=130.0)
    main_2_kmh: float = parameter(30.0, "km/h", "主干路, likewise", low=5.0, high=130.0)
    main_3_kmh: float = parameter(20.0, "km/h", "主干路, likewise", low=5.0, high=130.0)
    main_4_kmh: float = parameter(15.0, "km/h", "主干路, likewise", low=1.0, high=130.0)
    minor_1_kmh: float = parameter(35.0, "km/h", "次干路、支路, likewise", low=5.0, high=130.0)
    minor_2_kmh: float = parameter(25.0, "km/h", "次干路、支路, likewise", low=5.0, high=130.0)
    minor_3_kmh: float = parameter(15.0, "km/h", "次干路、支路, likewise", low=5.0, high=130.0)
    minor_4_kmh: float = parameter(10.0, "km/h", "次干路、支路, likewise", low=1.0, high=130.0)
    node_1_s: float = parameter(20.0, "s", "节点运行水平 1 up to this delay; HCM 2010's B of signals", low=1.0, high=600.0)
    node_2_s: float = parameter(35.0, "s", "节点运行水平 2; HCM 2010's C", low=1.0, high=600.0)
    node_3_s: float = parameter(55.0, "s", "节点运行水平 3; HCM 2010's D", low=1.0, high=600.0)
    node_4_s: float = parameter(80.0, "s", "节点运行水平 4; HCM 2010's E; beyond it is 5", low=1.0, high=600.0)
    severe_1: float = parameter(0.04, "1", "路网运行指数 2 at this share of road at level 5; after DB11/T 785-2011", high=1.0)
    severe_2: float = parameter(0.08, "1", "路网运行指数 4", high=1.0)
    severe_3: float = parameter(0.11, "1", "路网运行指数 6", high=1.0)
    severe_4: float = parameter(0.14, "1", "路网运行指数 8", high=1.0)
    severe_5: float = parameter(0.24, "1", "路网运行指数 10", high=1.0)
    congested_level: float = parameter(4.0, "1", "拥堵时长 counts from this level on: 中度拥堵", low=2.0, high=5.0)
    day_begins_h: float = parameter(16.0, "h", "UTC hour at which a day of 拥堵时长 begins: midnight in China", high=24.0)

    def speeds_kmh(self, limit_mps: Floats) -> Floats:
        """The four limits (k, 4) of each road's class."""
        rows = np.array([[getattr(self, f"{name}_{level}_kmh") for level in (1, 2, 3, 4)] for name in ("minor", "main", "fast")])
        return np.asarray(rows[np.searchsorted([self.main_kmh / 3.6, self.fast_kmh / 3.6], limit_mps + 1e-6, side="right")])

    def severe(self) -> Floats:
        """Shares of severely congested road at which the network's index is 0, 2, … 10."""
        return np.array([0.0, self.severe_1, self.severe_2, self.severe_3, self.severe_4, self.severe_5])


def travel_time_index(free_mps: Floats, speed_mps: Floats) -> Floats:
    """Free-flow speed over mean speed, from 1 (free) to `WORST_INDEX` (standing); NaN where nobody was."""
    slow = np.maximum(speed_mps, free_mps / WORST_INDEX)
    return np.where(np.isnan(speed_mps), np.nan, np.clip(free_mps / np.maximum(slow, 1e-9), 1.0, WORST_INDEX))


def road_levels(parameters: IndexParameters, limit_mps: Floats, speed_mps: Floats) -> Ints:
    """道路运行水平 (k,): 1 畅通 … 5 严重拥堵, `UNKNOWN` where nobody was. Who drives at a low limit is not congested."""
    bounds = np.minimum(parameters.speeds_kmh(limit_mps) / 3.6, limit_mps[:, None] * np.array([0.9, 0.7, 0.5, 0.35]))
    level = 1 + np.sum(speed_mps[:, None] <= bounds, axis=1)
    return np.where(np.isnan(speed_mps), UNKNOWN, level).astype(np.int64)


def node_levels(parameters: IndexParameters, delay_s: Floats) -> Ints:
    """节点运行水平 (k,): 1 … 5 by the mean delay of travel through the node, `UNKNOWN` where nobody passed."""
    bounds = np.array([parameters.node_1_s, parameters.node_2_s, parameters.node_3_s, parameters.node_4_s])
    return np.where(np.isnan(delay_s), UNKNOWN, 1 + np.sum(delay_s[:, None] > bounds, axis=1)).astype(np.int64)


def network_index(parameters: IndexParameters, level: Ints, lane_m: Floats) -> float:
    """路网运行指数, 0 … 10, from the share of road, by lane length, that is severely congested; NaN where no level is known.

    Roads on which nobody was are taken as free: they carry no traffic that could be held up.
    """
    if not (level > UNKNOWN).any():
        return float("nan")
    share = float(lane_m[level >= 5].sum() / max(float(lane_m.sum()), 1e-9))
    return float(np.interp(share, parameters.severe(), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]))


_STREET = np.array([0.85, 0.67, 0.50, 0.40, 0.30])  # HCM 2010, urban streets: travel speed over free-flow speed
_FREEWAY = np.array([11.0, 18.0, 26.0, 35.0, 45.0]) / 1.609344  # HCM 2010, freeways: pc/mi/ln → pc/km/ln
_SIGNAL_S = np.array([10.0, 20.0, 35.0, 55.0, 80.0])  # HCM 2010, signalised intersections: control delay


def service_of_roads(is_freeway: Mask, free_mps: Floats, speed_mps: Floats, density_vpkm: Floats) -> Ints:
    """Level of service (k,) after HCM 2010, 1 A … 6 F: freeways by density, streets by speed; `UNKNOWN` where nobody was."""
    street = 1 + np.sum(speed_mps[:, None] <= _STREET * free_mps[:, None], axis=1)
    freeway = 1 + np.sum(density_vpkm[:, None] > _FREEWAY, axis=1)
    return np.where(np.isnan(speed_mps), UNKNOWN, np.where(is_freeway, freeway, street)).astype(np.int64)


def service_of_nodes(delay_s: Floats) -> Ints:
    """Level of service (k,) after HCM 2010, signalised intersections, 1 A … 6 F."""
    return np.where(np.isnan(delay_s), UNKNOWN, 1 + np.sum(delay_s[:, None] > _SIGNAL_S, axis=1)).astype(np.int64)


class Congestion:
    """拥堵时长: for how long today each segment, junction and the network was congested. Owned by one thread."""

    def __init__(self, layout: Layout, parameters: IndexParameters) -> None:
        self._p, self._day = parameters, -1
        self.seconds: dict[Scope, Floats] = {scope: np.zeros(len(layout.places[scope])) for scope in Scope}

    def take(self, scope: Scope, level: Ints, seconds: float, now_us: int) -> None:
        """So many seconds at these levels."""
        day = int((now_us / 3.6e9 - self._p.day_begins_h) // 24)
        if day != self._day:
            self._day = day
            self.seconds = {one: np.zeros(len(lasted)) for one, lasted in self.seconds.items()}
        self.seconds[scope] = self.seconds[scope] + np.where(level >= self._p.congested_level, seconds, 0.0)
