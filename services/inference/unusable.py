"""Roads with which a site's stages failed: the site goes on without them, the others go on as ever."""

from __future__ import annotations

import logging
from dataclasses import replace

from services.inference.network import NetworkRoads
from services.inference.register import Register, SiteEntry

log = logging.getLogger(__name__)


class Unusable:
    """By site, what is not tried again until other roads are in force there. Owned by one thread."""

    def __init__(self) -> None:
        self._roads: dict[str, NetworkRoads] = {}

    def note(self, entry: SiteEntry, error: Exception) -> None:
        """Say so, with the error, and remember it. Where there are no roads it is not theirs, and raised again."""
        if entry.roads is None:
            raise error
        self._roads[entry.site_id] = entry.roads
        log.error("%s cannot be used, going on without until another is in force", entry.roads_name, exc_info=error)

    def without(self, register: Register) -> Register:
        """The register without these; what is no longer in force is forgotten."""
        self._roads = {
            site_id: roads
            for site_id, roads in self._roads.items()
            if (entry := register.sites.get(site_id)) is not None and entry.roads in (roads, None)
        }
        if not self._roads:
            return register
        sites = {
            site_id: replace(entry, roads=None) if site_id in self._roads else entry for site_id, entry in register.sites.items()
        }
        return replace(register, sites=sites)
