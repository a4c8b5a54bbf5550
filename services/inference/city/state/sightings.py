"""Who was seen where: what traffic state is made from, in the site's local metres."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from services.inference.reports import Floats, Ints


@dataclass(frozen=True, slots=True)
class Sightings:
    """n motor vehicles at about one instant, each once.

    slot (n,): small numbers that stay with a track; generation tells those apart that had a slot one after the other. xyz (n, 3):
    the middle of the vehicle, up NaN where unknown. acceleration_mps2, length_m: NaN where unknown. is_seen: known from roadside
    perception, and not from the vehicle itself.
    """

    slot: Ints
    generation: Ints
    time_us: Ints
    xyz: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats
    length_m: Floats
    is_seen: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Self:
        """These rows."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))

    def fronts(self) -> Floats:
        """Where the front bumpers are (n, 3): what a detector counts, and where a queue's place begins."""
        half_m, heading = np.nan_to_num(self.length_m) / 2.0, np.radians(np.nan_to_num(self.heading_deg))
        return self.xyz + np.column_stack([half_m * np.sin(heading), half_m * np.cos(heading), np.zeros(len(self))])
