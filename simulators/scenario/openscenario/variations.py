"""Files that vary the parameters of a scenario: ranges where an expression can stand, else a scenario for each combination."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from chelu.xml_tree import Element
from simulators.scenario.openscenario.catalogs import read_xml
from simulators.scenario.openscenario.importing import Imported, Options, imported
from simulators.scenario.openscenario.scope import OutsideError

MOST_VARIANTS = 2000
Assigned = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Axis:
    """What is varied together: sets of values by parameter; spread: the same as a parameter's range or choices, if of one."""

    sets: tuple[Assigned, ...]
    spread: Mapping[str, Any] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The parameters."""
        return frozenset(name for one in self.sets for name in one)


def variants(path: Path, options: Options) -> Iterator[Imported]:
    """The scenarios of a variation file; combinations outside the parameters' own constraints are none."""
    root = read_xml(path)
    distribution = root.only("ParameterValueDistribution")
    scenario = path.parent / distribution.only("ScenarioFile").needed("filepath")
    axes = _axes(distribution)
    apart, ranges = _split(scenario, axes, options)
    count = math.prod(len(axis.sets) for axis in apart)
    if count > MOST_VARIANTS:
        raise distribution.wrong(f"{count} scenarios, at most {MOST_VARIANTS}")
    varied = {name: axis.spread for axis in ranges for name in axis.names if axis.spread is not None}
    for chosen in product(*(axis.sets for axis in apart)):
        assigned = {name: value for one in chosen for name, value in one.items()}
        try:
            yield imported(scenario, replace(options, assigned=assigned, varied=varied))
        except OutsideError:
            continue


def _split(scenario: Path, axes: Sequence[Axis], options: Options) -> tuple[list[Axis], list[Axis]]:
    """Axes that make scenarios of their own, and those that are ranges of a parameter."""
    try:
        base = imported(scenario, options)
    except OutsideError:
        base = imported(scenario, replace(options, assigned={name: one for axis in axes for name, one in axis.sets[0].items()}))
    apart, ranges = list[Axis](), list[Axis]()
    for axis in axes:
        names = {base.parameters.get(name, "") for name in axis.names}
        can_range = axis.spread is not None and not names & base.fixed and names <= set(base.description.parameters)
        (ranges if can_range else apart).append(axis)
    return apart, ranges


def _axes(distribution: Element) -> list[Axis]:
    deterministic = distribution.first("Deterministic")
    if deterministic is None:
        raise distribution.wrong("a stochastic distribution is not understood: Deterministic")
    return [_axis(one) for one in deterministic.children]


def _axis(element: Element) -> Axis:
    if element.tag == "DeterministicMultiParameterDistribution":
        sets = [
            {each.needed("parameterRef").removeprefix("$"): each.needed("value") for each in one.all("ParameterAssignment")}
            for one in element.below("ValueSetDistribution", "ParameterValueSet")
        ]
        if not sets:
            raise element.wrong("at least one ParameterValueSet")
        return Axis(tuple(sets))
    if element.tag != "DeterministicSingleParameterDistribution" or len(element.children) != 1:
        raise element.wrong(f"<{element.tag}> is not understood")
    return _single(element.needed("parameterName").removeprefix("$"), element.children[0])


def _single(name: str, element: Element) -> Axis:
    if element.tag == "DistributionSet":
        values = [one.needed("value") for one in element.all("Element")]
        if not values:
            raise element.wrong("at least one Element")
        numbers = [_number(one) for one in values]
        spread = {"choices": numbers} if all(one is not None for one in numbers) else None
        return Axis(tuple({name: one} for one in values), spread)
    if element.tag != "DistributionRange":
        raise element.wrong(f"<{element.tag}> is not understood: DistributionSet or DistributionRange")
    limits = element.only("Range")
    low, high, step = limits.number("lowerLimit"), limits.number("upperLimit"), element.number("stepWidth")
    if not (low <= high and step > 0 and (high - low) / step <= MOST_VARIANTS):
        raise element.wrong(
            f"from {low:g} to {high:g} by {step:g}: a low that is not above the high, at most {MOST_VARIANTS} steps"
        )
    values = [f"{low + step * number:.12g}" for number in range(math.floor((high - low) / step + 1e-9) + 1)]
    return Axis(tuple({name: one} for one in values), {"low": low, "high": high, "step": step})


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
