"""Every application of cooperation, and the desk of a site with those that are on. Adding one is a file and a line here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from services.inference.coop.application import Application
from services.inference.coop.desk import Desk
from services.inference.coop.exchanges import EXCHANGES
from services.inference.coop.intersection import Intersection
from services.inference.coop.lane_change import LaneChange
from services.inference.coop.merge import MergeRamp
from services.inference.coop.priority import Priority
from services.inference.coop.sharing import SensorSharing
from services.inference.coop.streets import Streets
from services.inference.coop.table import SessionParameters
from services.inference.coop.vru import Vru
from services.inference.parameters import with_site_values
from services.inference.register import SiteEntry

log = logging.getLogger(__name__)

APPLICATIONS: tuple[type[Application], ...] = (
    SensorSharing,
    LaneChange,
    MergeRamp,
    Intersection,
    Priority,
    Vru,
    *EXCHANGES,
)
PREFIX = "coop_"  # of an application's name in the parameters' file
SESSIONS = "coop_sessions"


def parameters_of(values: Mapping[str, Mapping[str, Any]], *, where: str) -> dict[str, Any]:
    """Defaults with a site's values, by name in the file; ConfigurationError names what is wrong. Other names are passed over."""
    defaults = {SESSIONS: SessionParameters(), **{PREFIX + one.name: one.parameters() for one in APPLICATIONS}}
    return {name: with_site_values(one, values.get(name, {}), where=where) for name, one in defaults.items()}


def names() -> list[str]:
    """Tables of the parameters' file that are cooperation's."""
    return [SESSIONS, *(PREFIX + one.name for one in APPLICATIONS)]


def desk_of(
    values: Mapping[str, Mapping[str, Any]], entry: SiteEntry, new_id: Callable[[], str], next_number: Callable[[], int]
) -> Desk:
    """A site's desk, with the applications that are switched on."""
    parameters = parameters_of(values, where=f"parameters_file, site {entry.site_id}")
    chosen = [one(parameters[PREFIX + one.name]) for one in APPLICATIONS if parameters[PREFIX + one.name].is_on]
    return Desk(parameters[SESSIONS], chosen, new_id, next_number, _streets(entry), entry.frame)


def _streets(entry: SiteEntry) -> Streets | None:
    """A fault here is to cost this site its cooperation, and not all sites their warnings."""
    if entry.roads is None:
        return None
    try:
        return Streets(entry.roads.network)
    except Exception:
        log.exception("%s cannot be used for cooperation, going on without until another is in force", entry.roads_name)
        return None
