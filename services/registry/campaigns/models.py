"""What the API takes and gives of campaigns."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from services.registry.campaigns.planner import OnFailure, Phase
from services.registry.models import Identifier, Model
from services.registry.orders.machine import State
from services.registry.orders.models import LONGEST_S, Document, Selection

CampaignTopic = Literal["config", "upgrade"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class NewCampaign(Model):
    """A configuration or a package for many devices, in waves."""

    campaign_id: Identifier
    selection: Selection
    change: Document | None = Field(None, description="config: fields to set, null takes one away", examples=[{"heartbeat_s": 5}])
    package_id: int | None = Field(None, ge=0, le=2**63 - 1, description="upgrade: what to install")
    waves: Annotated[list[Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]], Field(min_length=1, max_length=20)] = Field(
        default_factory=lambda: [0.05, 0.25, 1.0], description="shares of the devices by the end of each wave; the last is 1"
    )
    most_at_once: int = Field(100, ge=1, le=20_000)
    most_failed: Share = Field(0.1, description="share of the devices that have ended which may have failed")
    least_ended: int = Field(
        10, ge=1, le=20_000, description="before the share counts; each wave is judged at its end all the same"
    )
    on_failure: OnFailure = OnFailure.STOP
    lasting_s: float = Field(3600.0, gt=0, le=LONGEST_S, description="seconds that a device has from its turn on")

    @field_validator("waves")
    @classmethod
    def _rise_to_one(cls, waves: list[float]) -> list[float]:
        if waves != sorted(set(waves)) or waves[-1] != 1:
            raise ValueError("shares that rise, the last being 1")
        return waves

    @model_validator(mode="after")
    def _is_for_something(self) -> NewCampaign:
        if (self.change is None) == (self.package_id is None):
            raise ValueError("either change or package_id")
        return self

    @property
    def topic(self) -> CampaignTopic:
        """What its devices are told."""
        return "config" if self.package_id is None else "upgrade"


class Resuming(Model):
    """How a campaign goes on."""

    most_failed: Share | None = Field(None, description="another share; null: as before")


class WaveShown(BaseModel):
    """One wave: its devices by how they stand."""

    devices: int
    waiting: int = Field(description="their turn has not come")
    open: int = Field(description="at it")
    good: int
    bad: int = Field(description="failed, or did not answer in time")
    overtaken: int = Field(description="a newer order took its place")
    skipped: int = Field(description="their turn passed: no rule let them have the package by then, or they had it")


class BackShown(BaseModel):
    """The devices that are taken back."""

    waiting: int
    open: int
    good: int
    bad: int
    skipped: int = Field(description="left as they are: what the campaign installed no longer stands")


class Campaign(BaseModel):
    """A campaign and how far it has come."""

    campaign_id: str
    actor: str
    topic: CampaignTopic
    change: dict[str, Any] | None
    package_id: int | None
    selection: dict[str, Any]
    most_at_once: int
    most_failed: float
    least_ended: int
    on_failure: OnFailure
    lasting_s: float
    phase: Phase
    reason: str
    dispatch_id: int | None
    created: datetime.datetime
    changed: datetime.datetime
    devices: int
    waves: list[WaveShown]
    back: BackShown


class TargetShown(BaseModel):
    """A device of a campaign."""

    device_id: str
    wave: int = Field(description="from 1")
    state: State | None = Field(description="of its order; null: its turn has not come, or has passed")
    number: int | None
    detail: str = Field(description="why it failed, or was skipped")
    is_skipped: bool = Field(description="its turn has passed without an order")
    is_late: bool
    before: dict[str, Any] | None = Field(description="what it goes back to")
    back: State | None = Field(description="of the order that takes it back")
    back_skipped: str | None = Field(description="why it is left as it is, and not taken back")


class TargetPage(BaseModel):
    """Devices of a campaign by id; `next` is the `after` of the next page, null on the last."""

    devices: list[TargetShown]
    next: str | None


class Added(BaseModel):
    """A campaign that has begun, and the devices that no rule lets have the package, or that have it already."""

    campaign: Campaign
    left_out: int
