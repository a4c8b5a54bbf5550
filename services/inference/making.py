"""How a site's stages are made from what the register and the parameters' file say: for the service, and for explanations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from services.inference.city import live
from services.inference.coop import catalogue as cooperation
from services.inference.motion_model import MotionModel
from services.inference.register import Register, SiteEntry
from services.inference.reports import Ints
from services.inference.site import Site, site_parameters


def site_of(
    entry: SiteEntry, values: Mapping[str, Mapping[str, Any]], *, model: MotionModel | None, new_id: Callable[[], str]
) -> Site:
    """A site that has heard nothing yet; values: of all sites, as `parameters.read_site_values` gives them."""
    others = {*cooperation.names(), live.NAME, live.INCIDENTS}
    own = {name: of for name, of in values.get(entry.site_id, {}).items() if name not in others}
    parameters = site_parameters(own, where=f"parameters_file, site {entry.site_id}")
    return Site(parameters, roads=entry.roads, model=model, new_id=new_id)


def tellers_of(register: Register) -> Ints:
    """Keys of the devices that tell those whom they see of dangers (`Picture.tellers`)."""
    return np.array(sorted(register.tellers), np.int64)
