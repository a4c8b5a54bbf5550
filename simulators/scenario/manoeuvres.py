"""What an actor does from when on: a speed, a place aside, another driver, what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simulators.scenario.conditions import Says, Trigger
from simulators.scenario.parts import Name, Part
from simulators.scenario.values import FASTEST_KMH, Bounds, EitherRate, Metres, Place, Quantity, Rate, Seconds, Speed

DriverName = Literal["none", "idm", "competent", "fsm", "rss", "regulation"]
MOST_LANES = 32


class Driver(Part):
    """Who drives: `none` keeps its speed; the others judge what is before them. desired_kmh: of `idm`; else its first speed."""

    model: DriverName = "none"
    desired_kmh: Speed | None = None


class SpeedChange(Part):
    """To a speed, or to another actor's as it is when the manoeuvre begins (`times` it, and `by_kmh` more).

    At a rate (m/s², its sign does not matter), over a time, over a distance, or at once; jerk_mps3: how fast the rate itself is
    reached. shape: `sine` and `cubic` begin and end gently; a rate is then the highest. is_lasting: the other's speed is kept to
    from then on.
    """

    to_kmh: Speed | None = None
    like: Name | None = None
    times: Annotated[Quantity, Bounds(0, 100)] = 1.0
    by_kmh: Annotated[Quantity, Bounds(-FASTEST_KMH, FASTEST_KMH)] = 0.0
    rate_mps2: EitherRate | None = None
    over_s: Seconds | None = None
    over_m: Metres | None = None
    at_once: Literal[True] | None = None
    jerk_mps3: Annotated[Quantity, Bounds(-1000, 1000)] | None = None
    shape: Literal["linear", "sine", "cubic"] = "linear"
    is_lasting: bool = False

    @model_validator(mode="after")
    def _has_one_target_and_pace(self) -> Self:
        _exactly_one(self, "to_kmh", "like")
        _exactly_one(self, "rate_mps2", "over_s", "over_m", "at_once")
        if self.jerk_mps3 is not None and (self.rate_mps2 is None or self.shape != "linear"):
            raise ValueError("jerk_mps3 goes with rate_mps2 and the shape linear")
        if self.is_lasting and (self.like is None or self.shape != "linear"):
            raise ValueError("is_lasting goes with like and the shape linear")
        return self


class LaneChange(Part):
    """To another lane, or aside of where the actor is (right positive), at a lateral speed, over a time or distance, or at once.

    lane_of: the lane in which another (or the actor itself) is when it begins, and `lanes_left` to the left of that. offset_m:
    right of the lane's middle; offset_of: as far as another is off its own lane's middle, and `offset_m` more. shape: `sine` and
    `cubic` begin and end gently, `linear` moves evenly; lateral_mps2: how fast that even speed is reached, at once where it is
    not given. peak_mps2: takes as long as a `sine` or `cubic` needs that never accelerates harder.
    """

    to_lane: Annotated[int, Field(ge=1, le=MOST_LANES)] | None = None
    lane_of: Name | None = None
    lanes_left: Annotated[int, Field(ge=-MOST_LANES, le=MOST_LANES)] = 0
    aside_m: Place | None = None
    offset_m: Place = 0.0
    offset_of: Name | None = None
    lateral_mps: Rate | None = None
    lateral_mps2: EitherRate | None = None
    peak_mps2: EitherRate | None = None
    over_s: Seconds | None = None
    over_m: Metres | None = None
    at_once: Literal[True] | None = None
    shape: Literal["sine", "linear", "cubic"] = "linear"

    @model_validator(mode="after")
    def _has_one_target_and_pace(self) -> Self:
        _exactly_one(self, "to_lane", "lane_of", "aside_m")
        _exactly_one(self, "lateral_mps", "over_s", "over_m", "peak_mps2", "at_once")
        if self.lateral_mps2 is not None and (self.lateral_mps is None or self.shape != "linear"):
            raise ValueError("lateral_mps2 goes with lateral_mps and the shape linear")
        if self.peak_mps2 is not None and self.shape == "linear":
            raise ValueError("peak_mps2 goes with the shapes sine and cubic")
        if self.lanes_left and self.lane_of is None:
            raise ValueError("lanes_left goes with lane_of")
        return self


def _exactly_one(part: Any, *names: str) -> None:
    if sum(getattr(part, name) is not None for name in names) != 1:
        raise ValueError("exactly one of " + ", ".join(names[:-1]) + f" and {names[-1]}")


class Manoeuvre(Part):
    """What one actor does from when on: one of speed, lane_change, driver, says; or nothing: a mark, for others to come after it.

    ends: other manoeuvres of the actor that it breaks off where they are still going on. is_needed: without it a run is not
    valid.
    """

    name: Name
    actor: Name
    when: Trigger
    speed: SpeedChange | None = None
    lane_change: LaneChange | None = None
    driver: Driver | None = None
    says: Says | None = None
    is_mark: bool = False
    ends: tuple[Name, ...] = ()
    is_needed: bool = True

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(one is not None for one in (self.speed, self.lane_change, self.driver, self.says)) + self.is_mark != 1:
            raise ValueError("exactly one of speed, lane_change, driver, says and is_mark")
        return self


def says_of(manoeuvres: Sequence[Manoeuvre], actor: str) -> list[tuple[int, Says]]:
    """Rows of the manoeuvres by which an actor says something, and what."""
    return [(row, one.says) for row, one in enumerate(manoeuvres) if one.actor == actor and one.says is not None]
