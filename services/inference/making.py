"""How a site's stages are made from what the register says: for the service, and for explanations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from services.inference.motion_model import MotionModel
from services.inference.register import Register, SiteEntry
from services.inference.reports import Ints
from services.inference.site import Site, SiteParameters


def site_of(entry: SiteEntry, parameters: SiteParameters, *, model: MotionModel | None, new_id: Callable[[], str]) -> Site:
    """A site that has heard nothing yet."""
    return Site(parameters, roads=entry.roads, model=model, new_id=new_id)


def tellers_of(register: Register) -> Ints:
    """Keys of the devices that tell those whom they see of dangers (`Picture.tellers`)."""
    return np.array(sorted(register.tellers), np.int64)
