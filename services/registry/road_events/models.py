"""What the API takes and gives of road events."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

from chelu.road_events.catalogue import HIGHEST_PRIORITY
from chelu.road_events.message import LONGEST_TEXT_BYTES, MOST_POINTS, WIDEST_M, description
from services.registry.models import Identifier, Latitude, Longitude, Model, Name, Word
from services.registry.orders.machine import State

MOST_UNITS = 200
Sort = Literal["event", "sign"]
Source = Literal["unknown", "police", "government", "meteorological", "internet", "detection"]
Standing = Literal["planned", "holds", "over", "withdrawn"]
Along = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
Radius = Annotated[float, Field(ge=0, le=WIDEST_M, allow_inf_nan=False)]
Elevation = Annotated[float, Field(ge=-400, le=6000, allow_inf_nan=False, description="metres above the WGS-84 ellipsoid")]


def _sayable(text: str) -> str:
    """What a message has letters for: ASCII, or GB 2312."""
    try:
        said = description(text) if text else {}
    except UnicodeEncodeError as error:
        raise ValueError(f"letters of GB 2312, without {text[error.start]!r}") from None
    if len(text) > LONGEST_TEXT_BYTES or len(said.get("textGB2312", "")) > 2 * LONGEST_TEXT_BYTES:
        raise ValueError(f"at most {LONGEST_TEXT_BYTES} bytes")
    return text


Text = Annotated[Name, AfterValidator(_sayable)]


class Place(Model):
    """Where on the earth."""

    latitude_deg: Latitude
    longitude_deg: Longitude
    elevation_m: Elevation | None = None


class NewRoadEvent(Model):
    """An event or a sign to tell of: at a place, along a path, or at a place to which a path leads.

    The path is given by its points in driving direction, or as a lane or a road of the site's newest network, or a stretch of it.
    """

    sort: Sort = "event"
    code: int = Field(ge=1, le=65_535, description="GB/T 29100 for an event, the index of GB 5768.2 for a sign", examples=[407])
    text: Text = ""
    source: Source = "unknown"
    place: Place | None = None
    path: Annotated[list[Place], Field(min_length=2, max_length=MOST_POINTS)] | None = None
    lane: Word | None = Field(None, description="id of a lane of the site's network", examples=["gate_0"])
    road: Word | None = Field(None, description="id of a road, all lanes of one direction", examples=["gate"])
    from_m: Along | None = Field(None, description="along the lane or road; null: from its begin")
    to_m: Along | None = Field(None, description="null: to its end")
    at_m: Along | None = Field(None, description="the place, along the lane or road")
    radius_m: Radius | None = Field(None, description="around the place; null: as the catalogue has it")
    path_radius_m: Radius | None = Field(None, description="to both sides of the path; null: 5 m, or half the lanes' width")
    priority: int | None = Field(None, ge=0, le=HIGHEST_PRIORITY, description="7 is the highest; null: as the catalogue has it")
    valid_from: AwareDatetime | None = Field(None, description="null: from now on")
    valid_until: AwareDatetime | None = Field(None, description="null: until it is withdrawn")
    units: Annotated[list[Identifier], Field(min_length=1, max_length=MOST_UNITS)] | None = Field(
        None,
        description="the roadside units and computers that are to tell of it; null: the units whose coverage it touches",
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> NewRoadEvent:
        ways = [name for name in ("path", "lane", "road") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"one of path, lane and road, not {' and '.join(ways)}")
        if self.place is None and not ways:
            raise ValueError("a place, or one of path, lane and road")
        if self.sort == "sign" and not ways:
            raise ValueError("a path, a lane or a road: a sign holds for who drives along it")
        if ways in ([], ["path"]) and (self.from_m, self.to_m, self.at_m) != (None, None, None):
            raise ValueError("from_m, to_m and at_m along a lane or a road only")
        if self.place is not None and self.at_m is not None:
            raise ValueError("place or at_m, not both")
        return self


class Renewal(Model):
    """Until when it is to hold from now on."""

    valid_until: AwareDatetime | None = Field(description="null: until it is withdrawn")


class Unit(BaseModel):
    """What a roadside unit has been sent of an event, and what it is heard to tell."""

    device_id: str
    number: int = Field(description="by which it is known there: rteId or rtsId; to a roadside computer its own number here")
    frames: int = Field(description="sent so far, renewals included")
    ends: datetime.datetime | None = Field(description="when the unit stops by itself, unless it is told again")
    order: int | None = Field(description="number of the newest order")
    state: State | None = Field(description="of that order")
    detail: str = Field(description="why it was refused")
    heard: datetime.datetime | None = Field(description="when it was last heard to tell of it; null: not within two hours")
    differences: list[str] = Field(description="what it tells otherwise than it should")


class RoadEvent(BaseModel):
    """An event or a sign that units are to tell of."""

    event_id: int
    site_id: str
    sort: Sort
    code: int
    name: str
    chinese: str
    text: str
    source: Source
    place: Place | None
    path: list[Place]
    way: str | None = Field(description="the lane or road that the path was taken from")
    radius_m: float
    path_radius_m: float
    priority: int
    valid_from: datetime.datetime
    valid_until: datetime.datetime | None
    standing: Standing
    added: datetime.datetime
    added_by: str
    withdrawn: datetime.datetime | None
    withdrawn_by: str | None
    units: int = Field(description="that are to tell of it")
    told: int = Field(description="of them, those that have said of the newest order that they do")


class RoadEventWithUnits(RoadEvent):
    """With what became of it at each unit."""

    at_units: list[Unit]


class RoadEventPage(BaseModel):
    """Events by number; `next` is the `after` of the next page, null on the last."""

    events: list[RoadEvent]
    next: int | None


class Told(BaseModel):
    """One event or sign that a unit is heard to tell of, or a computer to perceive. event_id: of ours, null where it is none."""

    sort: Sort
    number: int | None = Field(description="the unit's for it; null: a roadside computer gave it none")
    code: int
    name: str
    event_id: int | None
    heard: datetime.datetime
    latitude_deg: float | None
    longitude_deg: float | None


class UnitTelling(BaseModel):
    """What a unit tells beside what it should; of a roadside computer what it perceives, which nobody asks of it."""

    device_id: str
    should: list[int] = Field(description="event_id of what it should tell of now")
    tells: list[Told]
    differences: list[str]


class CatalogueEntry(BaseModel):
    """Something that can be told. number: None for a whole class of events."""

    sort: Sort
    code: str = Field(description="407, or 4xx for a class", examples=["407"])
    name: str
    chinese: str
    radius_m: float
    priority: int
