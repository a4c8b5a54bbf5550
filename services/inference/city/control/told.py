"""What a signal says of itself: its stages with their limits, and the one at hand (docs/edge.md, `stage/up`). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chelu.errors import MalformedError
from chelu.signals.stages import US, Light, Stage


class _Stage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    phases: tuple[int, ...] = Field(min_length=1, max_length=64)
    permissive: tuple[int, ...] = ()
    green_s: float = Field(gt=0, le=600)
    least_green_s: float = Field(gt=0, le=600)
    most_green_s: float = Field(gt=0, le=600)
    clearance_s: float = Field(ge=0, le=60)
    yellow_s: float = Field(ge=0, le=20)
    all_red_s: float = Field(ge=0, le=60)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    stages: tuple[_Stage, ...] = Field(min_length=2, max_length=16)
    stage: int = Field(ge=0)
    following: int = Field(ge=0)
    light: Light
    since_us: int = Field(ge=0)
    by: str = Field(max_length=16)
    session: str = Field(default="", max_length=64)
    region: int = Field(default=0, ge=0, le=65_535)
    intersection: int | None = Field(default=None, ge=0, le=65_535)


@dataclass(frozen=True, slots=True)
class Programme:
    """What does not change: its stages and its numbers on the air."""

    stages: tuple[Stage, ...]
    region: int
    intersection: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a signal shows. following: the stage that is green next, during a change; by: command, plan, priority or stop.

    session: of the vehicle that has priority.
    """

    programme: Programme
    stage: int
    following: int
    light: Light
    since_us: int
    by: str
    session: str = ""

    @property
    def is_green(self) -> bool:
        """Whether the stage is green, and no change is under way."""
        return self.light == "green"

    def green_s(self, now_us: int) -> float:
        """For how long the stage has been green; below 0 during a change."""
        return max(0.0, (now_us - self.since_us) / US) if self.is_green else -1.0


def read(document: Mapping[str, Any], labelled: int | None) -> Told:
    """Raises MalformedError. labelled: the number that the register gives its intersection, where the signal does not say it."""
    try:
        said = _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise MalformedError("undecodable", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    number = said.intersection if said.intersection is not None else labelled
    if number is None:
        raise MalformedError("undecodable", "it does not say which intersection it is, nor does a label of the register")
    if not max(said.stage, said.following) < len(said.stages):
        raise MalformedError("out_of_range", f"stage = {said.stage}, following = {said.following} of {len(said.stages)} stages")
    stages = tuple(Stage(**one.model_dump()) for one in said.stages)
    return Told(
        Programme(stages, said.region, number), said.stage, said.following, said.light, said.since_us, said.by, said.session
    )
