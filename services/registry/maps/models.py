"""What the API takes and gives of maps."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from services.registry.models import Identifier, Instant, Model
from services.registry.orders.models import Dispatch, Lasting

Format = Literal["uper", "hex", "json", "geojson", "sumo"]


class Finding(BaseModel):
    """Something doubtful: what it is one of, which of the map's elements it is about, what of it."""

    kind: str = Field(examples=["narrow lane"])
    element: str = Field(examples=["lane 12_0"])
    what: str = Field(examples=["it is 1.80 m wide"])


class MapVersion(BaseModel):
    """A version of a site's map."""

    site_id: str
    version: int
    file: str = Field(examples=["crossing.osm"])
    format: str = Field(examples=["lanelet2"])
    sha256: str
    bytes: int
    note: str
    added: datetime.datetime
    added_by: str
    is_valid: bool = Field(description="now")
    lanes: int
    links: int
    nodes: int
    ways: int = Field(description="from lane to lane")
    signals: int
    left_out: int = Field(description="elements of the file that are not read")
    doubtful: int


class MapDetail(MapVersion):
    """A version with all that is said of it; findings are counted whole, and of each kind some are shown."""

    figures: str
    left_out_elements: list[str]
    notes: list[str]
    counts: dict[str, int] = Field(description="findings by kind")
    findings: list[Finding]


class Change(BaseModel):
    """From an instant on a version is valid; null: none."""

    since: datetime.datetime
    version: int | None
    actor: str


class Activation(Model):
    """When a version is to be valid: from now on when nothing is said, until the next change that is planned or `valid_until`."""

    valid_from: Instant | None = None
    valid_until: Instant | None = Field(None, description="what would be valid then without this is valid again")

    @model_validator(mode="after")
    def _runs_forwards(self) -> Activation:
        if self.valid_from is not None and self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until: after valid_from")
        return self


class Pushing(Model):
    """To which units a version is to be sent, and whether to those that have it, too."""

    units: Annotated[list[Identifier], Field(max_length=1000)] | None = Field(None, description="null: all of the site's")
    is_forced: bool = Field(default=False, description="also to units that are known to have it")
    lasting_s: Lasting = None


class UnitPart(BaseModel):
    """What of a map a unit is to send: the nodes within its coverage, the nearest first, as far as one frame holds them."""

    device_id: str
    map_slice: str
    e_tag: str | None = Field(description="SHA-256 of the frame; null: there is nothing to send it")
    nodes: list[int]
    beyond: int = Field(description="nodes within its coverage that the frame has no room for")
    bytes: int
    is_sent: bool
    why: str = Field(description="it is not sent", examples=["it says that it has it"])


class Pushed(BaseModel):
    """What was sent: orders, followed as all others, and what each unit is to have."""

    version: int
    dispatch: Dispatch | None = Field(description="null: there was nothing to send")
    units: list[UnitPart]


class UnitMap(BaseModel):
    """What a unit should send, says that it has, and is heard to send; and where that differs."""

    device_id: str
    version: int | None = Field(description="the site's valid one; null: none is")
    e_tag: str | None = Field(description="of what it should send")
    reported_e_tag: str | None = Field(description="by its info's config.mapConfig; null: it has never said")
    heard: datetime.datetime | None = Field(description="when it last sent a MAP")
    nodes: list[int] = Field(description="of which it sends")
    differences: list[str]
