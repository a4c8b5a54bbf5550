"""What the API takes and gives of exports and private zones."""

from __future__ import annotations

import datetime
import math
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from chelu.messages import STREAMS
from services.registry.data.formats import Format
from services.registry.data.plan import Area, Circle
from services.registry.models import Identifier, InstantUs, Latitude, Longitude, Model, Name, Word
from services.registry.site_models import Polygon
from services.registry.streams import END_OF_TIME_US

M_PER_DEGREE = 110_574.0  # of latitude at the equator, where it is least
NEAR_A_POLE_DEG = 85.0
Purpose = Annotated[Word, StringConstraints(min_length=1, max_length=200), Field(examples=["tuning of the brake controller"])]


class Box(Model):
    """Between two parallels and two meridians; it does not cross the 180th."""

    south: Latitude
    west: Longitude
    north: Latitude
    east: Longitude

    @model_validator(mode="after")
    def _is_one(self) -> Box:
        if self.south >= self.north:
            raise ValueError(f"south = {self.south} below north = {self.north}")
        if self.west >= self.east:
            raise ValueError(f"west = {self.west} below east = {self.east}; a box does not cross the 180th meridian")
        return self


class Around(Model):
    """Within a distance on the ground of a point."""

    latitude_deg: Annotated[float, Field(ge=-NEAR_A_POLE_DEG, le=NEAR_A_POLE_DEG, allow_inf_nan=False)]
    longitude_deg: Longitude
    radius_m: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


class WantedArea(Model):
    """Where rows have to lie: exactly one of these."""

    box: Box | None = None
    around: Around | None = None
    polygon: Polygon | None = None

    @model_validator(mode="after")
    def _is_one(self) -> WantedArea:
        given = [name for name in ("box", "around", "polygon") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of box, around, polygon, not {' and '.join(given) or 'none'}")
        return self

    def area(self) -> Area:
        """As the plan has it."""
        if self.box is not None:
            return Area(self.box.south, self.box.west, self.box.north, self.box.east)
        if self.around is not None:
            return _around(self.around)
        rings = tuple(tuple(ring) for ring in (self.polygon or Polygon(coordinates=[])).coordinates)
        longitudes, latitudes = zip(*(point for ring in rings for point in ring), strict=True)
        return Area(min(latitudes), min(longitudes), max(latitudes), max(longitudes), rings)


class Selection(Model):
    """Which rows: of these streams, devices, a site, an area and a time."""

    streams: Annotated[list[str], Field(min_length=1, max_length=len(STREAMS), examples=[["bsm", "spat"]])]
    devices: Annotated[list[Identifier], Field(min_length=1, max_length=10_000)] | None = Field(
        None, description="only what came from these; null: from all", examples=[["rsu-1"]]
    )
    site: Identifier | None = Field(None, description="only what came from this site's devices")
    area: WantedArea | None = Field(
        None, description="rows that lie in it; of streams without places those of devices that are registered in it"
    )
    from_us: InstantUs = Field(0, description="first event time, µs UTC since 1970")
    to_us: InstantUs = Field(END_OF_TIME_US, description="event time before which it ends; what is stored later is not in it")

    @field_validator("streams")
    @classmethod
    def _are_known(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in STREAMS:
                raise ValueError(f"{name!r} is no stream; there are {', '.join(STREAMS)}")
        if len(set(names)) < len(names):
            raise ValueError("each stream once")
        return names

    @field_validator("to_us")
    @classmethod
    def _is_forward(cls, to_us: int, info: ValidationInfo) -> int:
        if to_us <= info.data.get("from_us", 0):
            raise ValueError(f"after from_us = {info.data['from_us']}")
        return to_us


class NewExport(Selection):
    """Data to take home: which rows, how they are written, who gets them and what for."""

    format: Format = Format.PARQUET
    recipient: Identifier | None = Field(
        None, description="the organisation that gets them; null: one's own team's", examples=["crew"]
    )
    purpose: Purpose


class ExportFile(Model):
    """What was handed out of one stream so far: rows, those left out in private zones, bytes, and how often it was begun."""

    stream: str
    rows: int
    trimmed: int
    bytes: int
    is_complete: bool
    fetches: int
    fetched: datetime.datetime | None


class Export(Model):
    """A record of who exported what, when, for whom and what for."""

    export_id: int
    actor: str
    recipient: str
    purpose: str
    format: Format
    selection: Selection
    created: datetime.datetime
    files: list[ExportFile]


class Exports(Model):
    """A page of them, the newest first; `next` is the `before` of the next page, null on the last."""

    exports: list[Export]
    next: int | None


class Zone(Model):
    """A place in which nothing of others' vehicles is shown: a depot, a home, a school."""

    reason: Annotated[Name, StringConstraints(min_length=1)] = Field(examples=["a depot"])
    polygon: Polygon


class SiteZone(Zone):
    """A private zone of a site."""

    site_id: str
    zone_id: str


def _around(wanted: Around) -> Area:
    """The circle, and a box that holds it."""
    height = wanted.radius_m / M_PER_DEGREE
    width = height / math.cos(math.radians(min(abs(wanted.latitude_deg) + height, 89.0)))
    south, north = wanted.latitude_deg - height, wanted.latitude_deg + height
    west, east = wanted.longitude_deg - width, wanted.longitude_deg + width
    return Area(south, west, north, east, circle=Circle(wanted.latitude_deg, wanted.longitude_deg, wanted.radius_m))
