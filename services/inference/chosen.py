"""Which parameters each site goes by: defaults, over them the parameters' file, over both what the register says now.

What the register says may change while inference runs. Values that this version cannot use are refused whole, with the reason,
and what the site went by stays.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from chelu.applications import catalogue
from chelu.errors import ConfigurationError
from services.inference.city import live
from services.inference.city.environment.watch import EnvironmentParameters
from services.inference.coop import catalogue as cooperation
from services.inference.lacks import GoesBy
from services.inference.register import SiteValues
from services.inference.site import SiteParameters, site_parameters

log = logging.getLogger(__name__)

Files = Mapping[str, Mapping[str, Mapping[str, Any]]]  # site → application → parameter → value
_OTHERS = frozenset({*cooperation.names(), live.NAME, live.INCIDENTS, *(one.name for one in fields(EnvironmentParameters))})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a site goes by. version: of the register's values, 0 for none; refused: why newer ones are not used, "" for none."""

    parameters: SiteParameters = field(default_factory=SiteParameters)
    version: int = 0
    refused: str = ""

    def told(self) -> GoesBy:
        """For the operator."""
        of_all = {**self.parameters.applications, **{name: getattr(self.parameters, name) for name in catalogue.COMMON}}
        differing = catalogue.differing({name: asdict(one) for name, one in of_all.items()})
        return GoesBy(self.version, self.refused, differing)


def chosen(site_id: str, files: Files, values: SiteValues) -> Chosen:
    """Of a site that went by nothing before; ConfigurationError for what the file says wrongly, refused for the register's."""
    file = {name: of for name, of in files.get(site_id, {}).items() if name not in _OTHERS}
    usual = site_parameters(file, where=f"parameters_file, site {site_id}")
    if not values.version:
        return Chosen(usual)
    both = {name: {**file.get(name, {}), **values.own.get(name, {})} for name in {**file, **values.own}}
    where = f"version {values.version} of site {site_id}'s parameters"
    try:
        return Chosen(site_parameters(both, where=where), values.version)
    except ConfigurationError as error:
        return Chosen(usual, refused=str(error))


class Choices:
    """Of all sites. Owned by the service's thread."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._taken: dict[str, tuple[SiteValues, Chosen]] = {}
        self._told: dict[str, GoesBy] = {}

    def of(self, site_id: str) -> Chosen:
        """What the site goes by, once its values were taken."""
        return self._taken[site_id][1]

    def goes_by(self, site_id: str) -> GoesBy:
        """The same in short."""
        return self._told[site_id]

    def take(self, site_id: str, values: SiteValues) -> bool:
        """The register says this of a site: whether that is news."""
        known = self._taken.get(site_id)
        if known is not None and known[0] == values:
            return False
        new = chosen(site_id, self._files, values)
        if new.refused and known is not None:
            new = Chosen(known[1].parameters, known[1].version, new.refused)
        self._taken[site_id], self._told[site_id] = (values, new), new.told()
        if new.refused:
            log.warning("%s; site %s goes on by version %d", new.refused, site_id, new.version)
        elif known is not None or values.version:
            log.info("site %s goes by version %d of its parameters", site_id, new.version)
        return True
