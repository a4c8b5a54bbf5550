"""A scenario as a person writes it: what is asked, the road, who is there, who does what when, and what must hold.

Three levels are kept apart (functional, logical, concrete): `question` says in words what is asked; numbers may be expressions of
`parameters`, each of which has a default and a range or choice; values for all of them make a concrete run. YAML's keys are these
fields; their JSON schema is published by `chelu scenario schema`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from simulators.scenario.conditions import Trigger
from simulators.scenario.distributions import LEAST_MASS, UNIFORM, Distribution, mass
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.manoeuvres import MOST_LANES, Driver, Manoeuvre
from simulators.scenario.mapped.places import OnMap
from simulators.scenario.odd import Domain, Word
from simulators.scenario.parts import Application, Name, Part, wrong
from simulators.scenario.requirements import Requirement, Validity
from simulators.scenario.roads import Road
from simulators.scenario.traffic.description import Traffic
from simulators.scenario.values import FARTHEST_M, Bounds, Place, Quantity, Share, Speed

IDENTIFIER = r"^[a-z][a-z0-9-]{0,63}$"
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Number = Annotated[float, Field(allow_inf_nan=False)]
MOST_ACTORS, MOST_MANOEUVRES, MOST_CASES, MOST_CHOICES = 32, 256, 1_000_000, 10_000
ActorKind = Literal["car", "bus", "truck", "motorcycle", "bicycle", "pedestrian", "robot"]


class Parameter(Part):
    """What varies: a default, and either choices or a range with a step (a grid) or without one (sampled).

    source: the clause or figure that its values are from. occurs: how often a range's values do, all alike if not given; sampled:
    from which of them an importance sample is drawn instead.
    """

    default: Number
    low: Number | None = None
    high: Number | None = None
    step: Annotated[Number, Field(gt=0)] | None = None
    choices: Annotated[tuple[Number, ...], Field(max_length=MOST_CHOICES)] = ()
    unit: str = ""
    source: str = ""
    occurs: Distribution = UNIFORM
    sampled: Distribution | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("both low and high, or neither")
        if self.choices and self.low is not None:
            raise wrong("choices", "either choices or a range, not both")
        for name in ("step", "occurs", "sampled"):
            if name in self.model_fields_set and self.low is None:
                raise wrong(name, f"{name} wants low and high")
        if self.choices and self.default not in self.choices:
            raise wrong("default", "one of the choices: " + ", ".join(f"{one:g}" for one in self.choices))
        if self.low is not None and self.high is not None:
            self._check_range(self.low, self.high)
        return self

    def _check_range(self, low: float, high: float) -> None:
        if low > high:
            raise wrong("low", f"low ({low:g}) must not be above high ({high:g})")
        if not low <= self.default <= high:
            raise wrong("default", f"{low:g} to {high:g}, the parameter's own range")
        for name, one in (("occurs", self.occurs), ("sampled", self.sampled)):
            if one is not None and low < high and not mass(one, low, high) >= LEAST_MASS:
                raise wrong(name, f"a distribution of which more lies between {low:g} and {high:g}: it has next to nothing there")


class Start(Part):
    """Where and how fast an actor begins: on a way and lane, on a map file's lane, or before or behind another actor.

    along_m: its centre on the way's reference line; at: the same in the words of the file that `road` names. gap_m: bumper to
    bumper to `ahead_of` or `behind`, that one's way and lane being taken where none is given. aside_m: right of the middle.
    """

    way: Name | None = None
    lane: Annotated[int, Field(ge=1, le=MOST_LANES)] | None = None
    along_m: Place | None = None
    at: OnMap | None = None
    ahead_of: Name | None = None
    behind: Name | None = None
    gap_m: Place | None = None
    aside_m: Place = 0.0
    speed_kmh: Speed = 0.0

    @model_validator(mode="after")
    def _is_placed_once(self) -> Self:
        ways = [getattr(self, name) is not None for name in ("along_m", "at", "ahead_of", "behind")]
        if sum(ways) != 1:
            raise ValueError("exactly one of along_m, at, ahead_of and behind")
        if self.at is not None and (self.way is not None or self.lane is not None):
            raise ValueError("way and lane do not go with at, which has a lane of its own")
        if (self.along_m is None and self.at is None) != (self.gap_m is not None):
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
    sight_m: Annotated[float, Field(gt=0, le=FARTHEST_M)] | None = None


class Radio(Part):
    """How messages reach who hears them: how often each actor speaks, how late, how many are lost, how far off.

    latency_s: in real time, beside what there is, and none where it is not given. noise_m: one standard deviation of positions,
    each message's own. penetration: the share of vehicles with a radio, drawn for each case, but what is under test always has
    one; a roadside unit sees the others. unheard: actors without a radio whom no roadside unit sees.
    """

    rate_hz: Annotated[float, Field(ge=1, le=20)] = 10.0
    latency_s: Annotated[float, Field(ge=0, le=2)] = 0.05
    loss: Share = 0.0
    noise_m: Annotated[Quantity, Bounds(0, 1000)] = 0.0
    penetration: Share = 1.0
    unheard: tuple[Name, ...] = ()


class End(Part):
    """When a run is over: at the latest after a time, and as soon as `when` holds; a contact ends it in any case."""

    after_s: Annotated[float, Field(gt=0, le=3600)]
    when: Trigger | None = None


class Tags(Part):
    """odd: the conditions that it stands for, held against what is tested is made for; clause: of a standard that asks for it.

    other: words of one's own, for finding it.
    """

    odd: tuple[Word, ...] = ()
    clause: Annotated[str, StringConstraints(max_length=400)] = ""
    other: tuple[Annotated[str, StringConstraints(min_length=1, max_length=80)], ...] = ()


class Description(Part):
    """A whole scenario; `where` names cases that are none: conditions between parameters such as `other_kmh < ego_kmh`.

    traffic: who else is on the road, driven by SUMO. dut: the device under test of runs with hardware in the loop; other runs do
    without it. made_for: the domain of what is tested; cases outside it are skipped. applications: names by which a device of
    one's own warns, beside those of Chelu.
    """

    scenario: Identifier
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    question: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    tags: Tags = Tags()
    parameters: dict[Name, Parameter] = Field(default_factory=dict, max_length=16)
    where: tuple[str, ...] = ()
    road: Road
    traffic: Traffic | None = None
    weather: Weather = Weather()
    radio: Radio = Radio()
    actors: Annotated[dict[Name, ActorDescription], Field(min_length=1, max_length=MOST_ACTORS)]
    manoeuvres: Annotated[tuple[Manoeuvre, ...], Field(max_length=MOST_MANOEUVRES)] = ()
    end: End
    step_s: Annotated[float, Field(ge=0.001, le=0.1)] = 0.02
    dut: DeviceUnderTest | None = None
    made_for: Domain | None = None
    applications: tuple[Application, ...] = ()
    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1)]
    validity: tuple[Validity, ...] = ()

    def switched(self) -> tuple[str, ...]:
        """The signals that the device under test switches: those that it names, else all; none where it is no controller."""
        if self.dut is None or self.dut.kind != "signals":
            return ()
        return self.dut.signals or tuple(self.road.signals)

    def actor_of_device(self) -> str:
        """Whom the device under test stands for: the one named, else the one under test."""
        under_test = (name for name, actor in self.actors.items() if actor.under_test)
        return (self.dut.actor if self.dut else None) or next(under_test)

    def conditions(self) -> tuple[Validity, ...]:
        """Without which a run is not judged: what is said so, and that every manoeuvre that is needed begins."""
        needed = (Validity.model_validate({"fired": one.name}) for one in self.manoeuvres if one.is_needed)
        return (*self.validity, *needed)
