"""What the API takes and gives of organisations, sites and their road networks."""

from __future__ import annotations

import datetime
import enum
import functools
import zoneinfo
from typing import Annotated, Literal

import shapely
from pydantic import AfterValidator, Field, StringConstraints, field_validator

from chelu.geo import MOST_LATITUDE_DEG
from services.registry.models import Elevation, Identifier, Latitude, Longitude, Model, Name

CLOSED_TRIANGLE = 4  # positions


@functools.cache
def _time_zones() -> frozenset[str]:
    """The names there are; the system's directory of them is walked once, which takes milliseconds."""
    return frozenset(zoneinfo.available_timezones())


OriginLatitude = Annotated[Latitude, Field(ge=-MOST_LATITUDE_DEG, le=MOST_LATITUDE_DEG)]  # where a local frame can be


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("a time zone of the IANA data base, such as Asia/Shanghai")
    return name


class OrganisationRole(enum.StrEnum):
    """What an organisation is on a site."""

    OPERATOR = "operator"
    TEAM = "vehicle team"
    VENDOR = "vendor"


class OrganisationChange(Model):
    """What of an organisation may change."""

    role: OrganisationRole | None = None
    name: Name = ""
    contact: Name = ""


class NewOrganisation(OrganisationChange):
    """An organisation: who operates sites, brings vehicles or makes devices."""

    organisation_id: Identifier
    role: OrganisationRole


class Organisation(NewOrganisation):
    """A registered organisation."""

    version: int
    created: datetime.datetime


class Polygon(Model):
    """An area as GeoJSON (RFC 7946): the first ring is its border, further ones are holes; longitude before latitude."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: Annotated[
        list[Annotated[list[tuple[Longitude, Latitude]], Field(max_length=1000)]], Field(min_length=1, max_length=20)
    ]

    @field_validator("coordinates")
    @classmethod
    def _rings(cls, rings: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        for ring in rings:
            if len(ring) < CLOSED_TRIANGLE or ring[0] != ring[-1] or len(set(ring)) < len(ring) - 1:
                raise ValueError(f"rings of at least {CLOSED_TRIANGLE} positions, each once but for the last, which is the first")
        polygon = shapely.Polygon(rings[0], rings[1:])
        if not shapely.is_valid(polygon):
            reason = shapely.is_valid_reason(polygon).partition("[")[0].lower()
            raise ValueError(f"a border that does not cross itself, and holes apart from each other inside it ({reason})")
        return rings


class SiteFields(Model):
    """What every site may have."""

    name: Name = ""
    elevation_m: Elevation = 0.0
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)] = "Asia/Shanghai"
    area: Polygon | None = None
    operator: Identifier | None = Field(None, description="the organisation that operates it")


class NewSite(SiteFields):
    """A test site, with the origin of its local east-north-up frame."""

    site_id: Identifier
    latitude_deg: OriginLatitude
    longitude_deg: Longitude


class SiteChange(SiteFields):
    """What of a site may change; what is not named stays as it is."""

    latitude_deg: OriginLatitude | None = None
    longitude_deg: Longitude | None = None


class Site(NewSite):
    """A registered site; `version` is its ETag."""

    latitude_deg: Latitude  # one that an older version took is shown, too
    version: int


class RoadVersion(Model):
    """A stored road network."""

    site_id: str
    version: int
    format: str
    bytes: int
