"""A scenario as a person writes it: what is asked, the road, who is there, who does what when, and what must hold.

Three levels are kept apart (functional, logical, concrete): `question` says in words what is asked; numbers may be expressions of
`parameters`, each of which has a default and a range or choice; values for all of them make a concrete run. YAML's keys are these
fields; their JSON schema is published by `chelu scenario schema`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from simulators.scenario.conditions import Trigger
from simulators.scenario.distributions import UNIFORM, Distribution
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.manoeuvres import MOST_LANES, Driver, Manoeuvre
from simulators.scenario.parts import Name, Part
from simulators.scenario.requirements import Requirement, Validity
from simulators.scenario.roads import Road
from simulators.scenario.values import Value

IDENTIFIER = r"^[a-z][a-z0-9-]{0,63}$"
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
MOST_ACTORS, MOST_MANOEUVRES, MOST_CASES = 32, 256, 1_000_000
ActorKind = Literal["car", "bus", "truck", "motorcycle", "bicycle", "pedestrian", "robot"]


class Parameter(Part):
    """What varies: a default, and either choices or a range with a step (a grid) or without one (sampled).

    source: the clause or figure that its values are from. occurs: how often a range's values do, all alike if not given; sampled:
    from which of them an importance sample is drawn instead.
    """

    default: float
    low: float | None = None
    high: float | None = None
    step: Annotated[float, Field(gt=0)] | None = None
    choices: tuple[float, ...] = ()
    unit: str = ""
    source: str = ""
    occurs: Distribution = UNIFORM
    sampled: Distribution | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("both low and high, or neither")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low:g}) must not be above high ({self.high:g})")
        if self.choices and self.low is not None:
            raise ValueError("either choices or a range, not both")
        for name in ("step", "occurs", "sampled"):
            if name in self.model_fields_set and self.low is None:
                raise ValueError(f"{name} wants low and high")
        return self


class Start(Part):
    """Where and how fast an actor begins: on a way and lane, at a place of its own or before or behind another actor.

    along_m: its centre on the way's reference line. gap_m: bumper to bumper to `ahead_of` or `behind`, that one's way and lane
    being taken where none is given. aside_m: right of the lane's middle.
    """

    way: Name | None = None
    lane: Annotated[int, Field(ge=1, le=MOST_LANES)] | None = None
    along_m: Value | None = None
    ahead_of: Name | None = None
    behind: Name | None = None
    gap_m: Value | None = None
    aside_m: Value = 0.0
    speed_kmh: Value = 0.0

    @model_validator(mode="after")
    def _is_placed_once(self) -> Self:
        ways = [self.along_m is not None, self.ahead_of is not None, self.behind is not None]
        if sum(ways) != 1:
            raise ValueError("exactly one of along_m, ahead_of and behind")
        if (self.along_m is None) != (self.gap_m is not None):
            raise ValueError("gap_m goes with ahead_of or behind, and only with them")
        if self.along_m is not None and self.way is None:
            raise ValueError("along_m wants a way")
        return self


class Size(Part):
    """Metres and kilograms; what is not given is the kind's."""

    length_m: Annotated[float, Field(gt=0, le=40)] | None = None
    width_m: Annotated[float, Field(gt=0, le=5)] | None = None
    mass_kg: Annotated[float, Field(gt=0, le=100_000)] | None = None


class ActorDescription(Part):
    """A road user. under_test: the one that the question is about."""

    kind: ActorKind = "car"
    under_test: bool = False
    start: Start
    size: Size = Size()
    driver: Driver = Driver()


class Weather(Part):
    """What holds on the whole road: the friction that brakes find, and how far one sees."""

    friction: Annotated[float, Field(gt=0.02, le=1.2)] = 0.9
    sight_m: Annotated[float, Field(gt=0)] | None = None


class Radio(Part):
    """How messages reach the device under test in memory: how often each actor speaks, how late, how many are lost, how far off.

    noise_m: one standard deviation of positions, each message's own. unheard: actors without a radio whom no roadside unit sees.
    """

    rate_hz: Annotated[float, Field(ge=1, le=20)] = 10.0
    latency_s: Annotated[float, Field(ge=0, le=2)] = 0.05
    loss: Value = 0.0
    noise_m: Value = 0.0
    unheard: tuple[Name, ...] = ()


class End(Part):
    """When a run is over: at the latest after a time, and as soon as `when` holds; a contact ends it in any case."""

    after_s: Annotated[float, Field(gt=0, le=3600)]
    when: Trigger | None = None


class Tags(Part):
    """For finding it: the operational design domain's words, the clause of a standard that asks for it, others."""

    odd: tuple[str, ...] = ()
    clause: str = ""
    other: tuple[str, ...] = ()


class Description(Part):
    """A whole scenario; `where` names cases that are none: conditions between parameters such as `other_kmh < ego_kmh`.

    dut: the device under test of runs with hardware in the loop; other runs do without it.
    """

    scenario: Identifier
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    question: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    tags: Tags = Tags()
    parameters: dict[Name, Parameter] = Field(default_factory=dict, max_length=16)
    where: tuple[str, ...] = ()
    road: Road
    weather: Weather = Weather()
    radio: Radio = Radio()
    actors: Annotated[dict[Name, ActorDescription], Field(min_length=1, max_length=MOST_ACTORS)]
    manoeuvres: Annotated[tuple[Manoeuvre, ...], Field(max_length=MOST_MANOEUVRES)] = ()
    end: End
    step_s: Annotated[float, Field(ge=0.001, le=0.1)] = 0.02
    dut: DeviceUnderTest | None = None
    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1)]
    validity: tuple[Validity, ...] = ()

    def actor_of_device(self) -> str:
        """Whom the device under test stands for: the one named, else the one under test."""
        under_test = (name for name, actor in self.actors.items() if actor.under_test)
        return (self.dut.actor if self.dut else None) or next(under_test)

    def conditions(self) -> tuple[Validity, ...]:
        """Without which a run is not judged: what is said so, and that every manoeuvre that is needed begins."""
        needed = (Validity.model_validate({"fired": one.name}) for one in self.manoeuvres if one.is_needed)
        return (*self.validity, *needed)
