"""A suite as a person writes it: which scenarios, with which values, where something must turn; and what it does not have.

Its scenarios are files of their own, in the directory of the suite's name beside it.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator

from simulators.scenario.description import Identifier, Number
from simulators.scenario.devices import NONE
from simulators.scenario.odd import Domain
from simulators.scenario.parts import Application, Name, Part, wrong
from simulators.scenario.r157.grids import Grid

Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_RANGE = r"^-?\d+(\.\d+)?(:-?\d+(\.\d+)?){1,2}$"


def _given(value: Any) -> Any:
    """ValueError for what is neither a number, nor choices, nor a range."""
    numbers = value if isinstance(value, list | tuple) else [value]
    if numbers and all(isinstance(one, int | float) and not isinstance(one, bool) and isfinite(one) for one in numbers):
        return tuple(map(float, numbers)) if isinstance(value, list | tuple) else float(value)
    if isinstance(value, str) and re.match(_RANGE, value):
        return value
    raise ValueError("a number, choices as [A, B], or a range as LOW:HIGH:STEP")


Given = Annotated[
    float | tuple[float, ...] | str,
    PlainValidator(_given),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
                {"type": "string", "pattern": _RANGE},
            ]
        }
    ),
]


class Warned(Part):
    """Whether a warning came: of this application, to this host."""

    application: Application
    host: Name


class Turn(Part):
    """Along a parameter something changes once: whether a warning comes, or else whether the scenario's requirements hold.

    at, within: where it must, and how near to that; source: who says so. Without them the place is only told. tolerance: how
    closely it is searched for.
    """

    along: Name
    low: Number
    high: Number
    tolerance: Annotated[Number, Field(gt=0)] = 0.1
    warned: Warned | None = None
    at: Number | None = None
    within: Annotated[Number, Field(gt=0)] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.low < self.high:
            raise wrong("low", f"low ({self.low:g}) must be below high ({self.high:g})")
        if (self.at is None) != (self.within is None):
            raise wrong("at" if self.within is None else "within", "both at and within, or neither")
        if self.at is not None and not self.low <= self.at <= self.high:
            raise wrong("at", f"{self.low:g} to {self.high:g}, where it is searched for")
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
            raise wrong("set" if self.set else "turns", "set and turns do not go with r157")
        if self.turns is not None and self.turns.along in self.set:
            raise wrong("set", f"what does not turn: {self.turns.along} is searched along")
        return self


class Suite(Part):
    """device: what is tested, made_for: the domain for which; left_out: what one would look for here, and why it is not there."""

    suite: Identifier
    title: Words
    about: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    device: str = NONE
    made_for: Domain | None = None
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=256)]
    left_out: tuple[Words, ...] = ()
