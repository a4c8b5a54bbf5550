"""When a manoeuvre begins, and when a run is over: conditions as a person writes them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from simulators.scenario.parts import Application, Name, Part
from simulators.scenario.values import Metres, Place, Seconds, Value


class Bounded(Part):
    """A measure that falls below a value, or rises above it. of: whose; the manoeuvre's actor where nobody is named."""

    of: Name | None = None
    below: Value | None = None
    above: Value | None = None

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("exactly one of below and above")
        return self


class NearCondition(Bounded):
    """A measure between the manoeuvre's actor (or `of`) and another falls below a value, or rises above it.

    between: from bumper to bumper, or from centre to centre; of gap_m, headway_s and closing_s. along: the way, on which both
    must drive, or the direction in which the first one looks; of gap_m, headway_s and lateral_m.
    """

    to: Name
    between: Literal["bumpers", "centres"] = "bumpers"
    along: Literal["way", "heading"] = "way"


class LightCondition(Part):
    """A signal shows this."""

    signal: Name
    shows: Literal["red", "yellow", "green"]


class AfterCondition(Part):
    """So long after another manoeuvre began, or ended: reached what it was for, or gave way to a newer one."""

    manoeuvre: Name
    by_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    state: Literal["began", "ended"] = "began"


class ReachCondition(Part):
    """An actor's centre is within a distance of a place in the plane."""

    of: Name | None = None
    x_m: Place
    y_m: Place
    within_m: Metres


class StandsCondition(Part):
    """An actor has stood so long without a break."""

    of: Name | None = None
    for_s: Annotated[float, Field(ge=0, le=3600)]


class TouchCondition(Part):
    """Two actors' boxes overlap."""

    of: Name | None = None
    to: Name


class WarnedCondition(Part):
    """The manoeuvre's actor (or `of`) was warned so long ago, about anybody or `about`. Who warns is the device under test."""

    application: Application
    of: Name | None = None
    about: Name | None = None
    after_s: Annotated[float, Field(ge=0, le=60)] = 0.0


Light = Literal["left", "right", "hazard"]
SystemEvent = Literal["abs", "traction", "stability", "hard-braking", "flat-tyre", "disabled", "airbag"]


class Says(Part):
    """What an actor's own messages tell from then on, until it says otherwise: lamps, what its systems report, a siren."""

    lights: tuple[Light, ...] = ()
    events: tuple[SystemEvent, ...] = ()
    siren: bool = False


class SpeedSaid(Part):
    """A speed that is told is below a value, or above it."""

    below: Value | None = None
    above: Value | None = None

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("exactly one of below and above")
        return self


class ReceivedCondition(Part):
    """The manoeuvre's actor (or `of`) received a message so long ago, over the radio as the scenario has it.

    bsm: a vehicle's own (`from`), which says all that is given here of lights, events, siren and speed_kmh; spat: that a `signal`
    `shows` a light; rsi: of an event or sign that is `told`, and is told from the beginning on.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True)

    message: Literal["bsm", "spat", "rsi"]
    of: Name | None = None
    sender: Annotated[Name | None, Field(alias="from")] = None
    lights: tuple[Light, ...] = ()
    events: tuple[SystemEvent, ...] = ()
    siren: Literal[True] | None = None
    speed_kmh: SpeedSaid | None = None
    signal: Name | None = None
    shows: Literal["red", "yellow", "green"] | None = None
    told: Name | None = None
    after_s: Annotated[float, Field(ge=0, le=60)] = 0.0

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Self:
        wanted = {"bsm": {"from"}, "spat": {"signal", "shows"}, "rsi": {"told"}}[self.message]
        may = wanted | ({"lights", "events", "siren", "speed_kmh"} if self.message == "bsm" else set())
        given = {"from" if name == "sender" else name for name in self.model_fields_set} - {"message", "of", "after_s"}
        if given - may or wanted - given:
            raise ValueError(f"{self.message} goes with {' and '.join(sorted(wanted))}" + "; it may have " * bool(may - wanted)
                             + ", ".join(sorted(may - wanted)))  # fmt: skip
        return self

    @property
    def asks_what_is_said(self) -> bool:
        """Whether it hangs on what the sender says beside its motion."""
        return bool(self.lights or self.events or self.siren)

    def is_said_by(self, says: Says) -> bool:
        """Whether that is all of it."""
        return set(self.lights) <= {*says.lights} and {*self.events} <= {*says.events} and (says.siren or not self.siren)


class Trigger(Part):
    """When a manoeuvre begins: once all that is given here holds.

    lateral_m: across the way, from centre to centre. closing_s: the gap along the way over the speed at which it closes, whether
    or not both would touch. faster_kmh: of over to. any_of, all_of: further triggers, nested. delay_s: what counts is what held
    so long ago. rises: only at the instant at which it begins to hold.
    """

    time_s: Seconds | None = None
    passes_m: Place | None = None
    distance_m: NearCondition | None = None
    gap_m: NearCondition | None = None
    ttc_s: NearCondition | None = None
    headway_s: NearCondition | None = None
    lateral_m: NearCondition | None = None
    closing_s: NearCondition | None = None
    faster_kmh: NearCondition | None = None
    speed_kmh: Bounded | None = None
    travels_m: Bounded | None = None
    acceleration_mps2: Bounded | None = None
    light: LightCondition | None = None
    after: AfterCondition | None = None
    reaches: ReachCondition | None = None
    stands: StandsCondition | None = None
    touches: TouchCondition | None = None
    warned: WarnedCondition | None = None
    received: ReceivedCondition | None = None
    any_of: tuple[Trigger, ...] = ()
    all_of: tuple[Trigger, ...] = ()
    delay_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    rises: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = [name for name in self.model_fields_set if name not in {"delay_s", "rises"}]
        if not any(getattr(self, name) not in (None, ()) for name in said):
            raise ValueError("at least one condition: " + ", ".join(type(self).model_fields))
        for name in ("distance_m", "ttc_s", "closing_s", "faster_kmh"):
            if getattr(self, name) is not None and getattr(self, name).along != "way":
                raise ValueError(f"along: heading does not go with {name}")
        return self


BETWEEN_TWO = ("distance_m", "gap_m", "ttc_s", "headway_s", "lateral_m", "closing_s", "faster_kmh")
OF_ONE = ("speed_kmh", "travels_m", "acceleration_mps2")
