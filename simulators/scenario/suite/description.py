"""A suite as a person writes it: which scenarios, with which values, where something must turn; and what it does not have.

Its scenarios are files of their own, in the directory of the suite's name beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from simulators.scenario.description import Identifier
from simulators.scenario.devices import NONE
from simulators.scenario.parts import Name, Part
from simulators.scenario.r157.grids import Grid

Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Given = float | tuple[float, ...] | Annotated[str, StringConstraints(pattern=r"^-?[\d.]+(:-?[\d.]+){1,2}$")]


class Warned(Part):
    """Whether a warning came: of this application, to this host."""

    application: Words
    host: Name


class Turn(Part):
    """Along a parameter something changes once: whether a warning comes, or else whether the scenario's requirements hold.

    at, within: where it must, and how near to that; source: who says so. Without them the place is only told. tolerance: how
    closely it is searched for.
    """

    along: Name
    low: float
    high: float
    tolerance: Annotated[float, Field(gt=0)] = 0.1
    warned: Warned | None = None
    at: float | None = None
    within: Annotated[float, Field(gt=0)] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        if (self.at is None) != (self.within is None):
            raise ValueError("both at and within, or neither")
        return self


class Reference(Part):
    """A published grid of UN R157 met by one driver, and how many of its cases end in a collision by the reference."""

    grid: Grid
    driver: Literal["competent", "fsm", "rss", "regulation"]
    collisions: Annotated[int, Field(ge=0)]


class Item(Part):
    """One scenario with values: a number, choices, or LOW:HIGH:STEP; what is not set keeps its default.

    device: what is tested, where it is not what the suite says. short: whether it belongs to the short form, in which a scenario
    is one case: the values that come first.
    """

    name: Words
    scenario: Identifier | None = None
    set: dict[Name, Given] = Field(default_factory=dict)
    turns: Turn | None = None
    r157: Reference | None = None
    device: str | None = None
    short: bool = True

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.scenario is None) == (self.r157 is None):
            raise ValueError("exactly one of scenario and r157")
        if self.r157 is not None and (self.set or self.turns is not None):
            raise ValueError("set and turns do not go with r157")
        return self


class Suite(Part):
    """device: what is tested; left_out: what one would look for here, and why it is not there."""

    suite: Identifier
    title: Words
    about: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    device: str = NONE
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=256)]
    left_out: tuple[Words, ...] = ()

    @model_validator(mode="after")
    def _is_each_another(self) -> Self:
        names = [(one.scenario, one.name) for one in self.items]
        twice = {each for each in names if names.count(each) > 1}
        if twice:
            raise ValueError(
                "items of one scenario have different names: " + ", ".join(f"{a} {b}" for a, b in sorted(map(_texts, twice)))
            )
        return self


def _texts(name: tuple[str | None, str]) -> tuple[str, str]:
    return name[0] or "", name[1]
