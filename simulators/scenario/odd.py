"""Operational design domains: the conditions that a scenario stands for, and those that a device is made for.

A scenario says its conditions in words (`tags: odd:`) and by its road, weather and speeds. A device's domain is declared in
`made_for` of a scenario or suite, or in a file of its own (`--odd`). A case outside the domain is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from simulators.scenario.names import unknown
from simulators.scenario.parts import Part, wrong
from simulators.scenario.values import FASTEST_KMH

# After ISO 34503's taxonomy, as far as the scenarios of a test site tell these apart.
WORDS: Mapping[str, tuple[str, ...]] = {
    "areas": ("urban", "rural", "motorway", "mountain"),
    "roads": (
        "two-way", "junction", "roundabout", "crosswalk", "ramp", "hairpin", "descent", "bridge", "tunnel", "stacked roads",
        "works",
    ),
    "weather": ("dry", "wet", "rain", "snow", "ice", "fog"),
    "light": ("day", "dusk", "night"),
}  # fmt: skip
ALL_WORDS = tuple(word for words in WORDS.values() for word in words)


def _known(word: str) -> str:
    if word not in ALL_WORDS:
        raise ValueError(unknown("condition", word, ALL_WORDS))
    return word


Word = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(ALL_WORDS)})]


class SpeedRange(Part):
    """Of the vehicle that is tested, when a run begins."""

    low: Annotated[float, Field(ge=0, le=FASTEST_KMH)] = 0.0
    high: Annotated[float, Field(ge=0, le=FASTEST_KMH)]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low > self.high:
            raise wrong("high", f"at least low ({self.low:g})")
        return self


class Domain(Part):
    """What a device is made for; what is left out does not bound it.

    areas: of one of which the scenario must be; roads, weather, light: all that the scenario names of these must be among them.
    least_friction, least_sight_m, most_gradient, least_radius_m: against the scenario's own numbers.
    """

    areas: tuple[Word, ...] | None = None
    roads: tuple[Word, ...] | None = None
    weather: tuple[Word, ...] | None = None
    light: tuple[Word, ...] | None = None
    speed_kmh: SpeedRange | None = None
    least_friction: Annotated[float, Field(ge=0, le=1.2)] | None = None
    least_sight_m: Annotated[float, Field(gt=0, le=100_000)] | None = None
    most_gradient: Annotated[float, Field(ge=0, le=1)] | None = None
    least_radius_m: Annotated[float, Field(ge=1, le=10_000_000)] | None = None

    @model_validator(mode="after")
    def _has_each_word_in_its_place(self) -> Self:
        for kind, allowed in WORDS.items():
            for word in getattr(self, kind) or ():
                if word not in allowed:
                    raise wrong(kind, f"{word!r} is none of its words: {', '.join(allowed)}")
        return self


Reasons = npt.NDArray[np.object_]


def outside(domain: Domain, words: tuple[str, ...], numbers: Mapping[str, float], speed_kmh: npt.NDArray[np.float64]) -> Reasons:
    """(n,) why a case is outside the domain, empty where it is inside.

    words: the scenario's; numbers: what is known of friction, sight_m, gradient and radius_m; speed_kmh (n,): at the beginning.
    """
    same = "; ".join([*_words(domain, words), *_numbers(domain, numbers)])
    reasons = np.full(len(speed_kmh), f"outside the operational design domain: {same}" if same else "", np.object_)
    bounds = domain.speed_kmh
    if bounds is None or same:
        return reasons
    for run in np.flatnonzero((speed_kmh < bounds.low - 1e-9) | (speed_kmh > bounds.high + 1e-9)).tolist():
        reasons[run] = (
            f"outside the operational design domain: {speed_kmh[run]:.4g} km/h, made for {bounds.low:g} to {bounds.high:g}"
        )
    return reasons


def _words(domain: Domain, words: tuple[str, ...]) -> Iterator[str]:
    for kind, known in WORDS.items():
        made_for, said = getattr(domain, kind), [word for word in words if word in known]
        if made_for is None or not said:
            continue
        missing = [word for word in said if word not in made_for]
        if missing and (kind != "areas" or len(missing) == len(said)):
            yield f"{kind} {', '.join(missing)}, made for {', '.join(made_for) or 'none'}"


def _numbers(domain: Domain, numbers: Mapping[str, float]) -> Iterator[str]:
    for key, name, is_least in (
        ("least_friction", "friction", True),
        ("least_sight_m", "sight_m", True),
        ("most_gradient", "gradient", False),
        ("least_radius_m", "radius_m", True),
    ):
        bound, found = getattr(domain, key), numbers.get(name)
        if bound is not None and found is not None and ((found < bound) if is_least else (found > bound)):
            yield f"{name} {found:g}, made for at {'least' if is_least else 'most'} {bound:g}"
