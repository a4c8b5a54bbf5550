"""What of stored rows a recipient gets: what lies in the area and in no private zone, others' vehicles under other names.

Pure, on whole pages. A row is the recipient's own when it came from one of its vehicles or bears the id of one; that a roadside
unit belongs to the recipient makes nothing that it hears the recipient's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from chelu.geo import LocalFrame
from chelu.messages import BSM, EVENT, PARTICIPANT, TELEMETRY, Batch, Stream
from services.registry.data.plan import Area, Plan, Ring, is_placed
from services.registry.data.pseudonyms import Pseudonyms

Mask = npt.NDArray[np.bool_]
OF_VEHICLES = frozenset({BSM.name, PARTICIPANT.name, TELEMETRY.name, EVENT.name})  # whose rows are where a road user was
VEHICLE_ID = "vehicle_id"


@dataclass(frozen=True, slots=True)
class Shaped:
    """A page as it leaves, and how many of its rows were left out because of where they were."""

    batch: Batch
    trimmed: int


class Shaper:
    """Of one stream of one plan. One thread."""

    def __init__(self, stream: Stream, plan: Plan, pseudonyms: Pseudonyms) -> None:
        self._plan, self._pseudonyms, self._is_placed = plan, pseudonyms, is_placed(stream)
        self._own = np.array(sorted(plan.own), np.int32)
        self._own_ids = np.array(sorted(plan.own_ids), np.uint64)
        self._area = _shape(plan.area) if plan.area and self._is_placed else None
        zones = [_polygon(rings) for rings in plan.zones] if stream.name in OF_VEHICLES else []
        self._zones = shapely.union_all(zones) if zones else None
        for shape in (self._area, self._zones):
            if shape is not None:
                shapely.prepare(shape)

    def shape(self, batch: Batch) -> Shaped:
        """The rows that the recipient gets of these, in their order."""
        if self._plan.area and self._is_placed:
            batch = batch.take(self._inside(batch))
        is_own = self._is_own(batch)
        if self._zones is None:
            return Shaped(self._renamed(batch, is_own), 0)
        is_left_out = ~is_own & shapely.contains_xy(self._zones, batch["longitude_deg"], batch["latitude_deg"])
        kept = ~is_left_out
        return Shaped(self._renamed(batch.take(kept), is_own[kept]), int(is_left_out.sum()))

    def _inside(self, batch: Batch) -> Mask:
        """Which rows lie in the area; of unknown place: none."""
        latitude, longitude = batch["latitude_deg"], batch["longitude_deg"]
        known = np.isfinite(latitude) & np.isfinite(longitude)
        area = self._plan.area
        if area is not None and area.circle is not None:
            frame = LocalFrame(area.circle.latitude_deg, area.circle.longitude_deg)
            local = frame.to_local(latitude, longitude)
            return known & (np.hypot(local[:, 0], local[:, 1]) <= area.circle.radius_m)
        if self._area is None:
            return known
        return known & np.asarray(shapely.intersects_xy(self._area, longitude, latitude), np.bool_)

    def _is_own(self, batch: Batch) -> Mask:
        is_own = np.isin(batch["device_key"], self._own)
        if VEHICLE_ID in batch.columns:
            has_own_id = np.isin(batch[VEHICLE_ID], self._own_ids)
            valid = batch.columns.get(f"{VEHICLE_ID}_valid")
            is_own |= has_own_id if valid is None else has_own_id & valid
        return is_own

    def _renamed(self, batch: Batch, is_own: Mask) -> Batch:
        if VEHICLE_ID not in batch.columns or is_own.all():
            return batch
        ids = batch[VEHICLE_ID].copy()
        ids[~is_own] = self._pseudonyms.of_ids(ids[~is_own])
        return batch.with_columns(**{VEHICLE_ID: ids})


def _shape(area: Area) -> shapely.Polygon | None:
    return _polygon(area.rings) if area.rings else None


def _polygon(rings: Sequence[Ring]) -> shapely.Polygon:
    """In degrees, whose sides are straight there (RFC 7946)."""
    return shapely.Polygon(rings[0], rings[1:])
