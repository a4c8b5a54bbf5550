"""From the logical to the concrete: which values the parameters take, in one run or in many.

`default` is one case; `grid` crosses every choice and every step; `latin` spreads a number of cases evenly over all ranges at
once (Latin hypercube), `random` draws them independently: both as often as values occur. `importance` draws them from where it is
wanted instead, and weighs them by how much more often they occur. Combinations that `where` rules out are no cases. The same seed
gives the same cases.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from chelu.errors import ConfigurationError
from simulators.scenario.constraints import condition
from simulators.scenario.description import MOST_CASES, MOST_CHOICES, Description, Parameter
from simulators.scenario.distributions import density, quantile
from simulators.scenario.names import there_are, unknown
from simulators.scenario.values import Floats


class Design(enum.StrEnum):
    """How cases are chosen."""

    DEFAULT = "default"
    GRID = "grid"
    LATIN = "latin"
    RANDOM = "random"
    IMPORTANCE = "importance"


SAMPLED = frozenset({Design.LATIN, Design.RANDOM, Design.IMPORTANCE})
COUNT, SEED = 100, 1


@dataclass(frozen=True, slots=True)
class Cases:
    """n combinations of values: by parameter, (n,).

    weights (n,): how much more often each occurs than it was drawn, None where all count alike. drawn: how many were drawn, those
    included that are no cases.
    """

    columns: Mapping[str, Floats]
    count: int
    weights: Floats | None = None
    drawn: int = 0

    def __len__(self) -> int:
        return self.count

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Cases:
        """Some of them, in this order."""
        taken = {name: column[rows] for name, column in self.columns.items()}
        count = len(range(self.count)[rows]) if isinstance(rows, slice) else len(rows)
        return Cases(taken, count, None if self.weights is None else self.weights[rows], self.drawn)


@dataclass(frozen=True, slots=True)
class Request:
    """count: of the sampled designs; fixed: values or ranges that replace a parameter's own (`--set`)."""

    design: Design = Design.DEFAULT
    count: int = COUNT
    seed: int = SEED
    fixed: Mapping[str, Parameter] | None = None


def cases_of(description: Description, request: Request) -> Cases:
    """The cases asked for. ConfigurationError for a parameter that is not there, for too many cases, and when none is left."""
    parameters = _parameters(description, request.fixed or {})
    made = _CHOSEN[request.design](parameters, request)
    kept = made.take(np.flatnonzero(_are_cases(description, made)))
    if not len(kept):
        raise ConfigurationError("where", "; ".join(description.where), "conditions that leave at least one case")
    return kept


def default_case(description: Description) -> Cases:
    """The one case of all defaults; none where `where` rules it out."""
    made = _default(description.parameters, Request())
    return made.take(np.flatnonzero(_are_cases(description, made)))


def parameter_given(text: str, description: Description) -> tuple[str, Parameter]:
    """`name=5`, `name=1,2,3`, `name=1:10` or `name=1:10:0.5` of the command line. ConfigurationError says what is allowed."""
    name, sign, given = text.partition("=")
    if not sign:
        names = there_are("names", description.parameters)
        raise ConfigurationError("--set", text, f"NAME=VALUE, NAME=A,B,C, NAME=LOW:HIGH or NAME=LOW:HIGH:STEP; {names}")
    if name not in description.parameters:
        raise ConfigurationError("--set", text, unknown("parameter", name, description.parameters))
    try:
        return name, _range(given) if ":" in given else _choices(given)
    except ValueError as error:
        allowed = f"finite numbers, a low that is not above the high, a step above 0, at most {MOST_CHOICES:,} choices"
        raise ConfigurationError("--set", text, allowed) from error


def _range(given: str) -> Parameter:
    low, high, *step = map(float, given.split(":"))
    if len(step) > 1:
        raise ValueError(given)
    return Parameter(default=low, low=low, high=high, step=step[0] if step else None)


def _choices(given: str) -> Parameter:
    values = tuple(map(float, given.split(",")))
    return Parameter(default=values[0], choices=values)


def _parameters(description: Description, fixed: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    return {name: fixed.get(name, one) for name, one in description.parameters.items()}


def _are_cases(description: Description, made: Cases) -> npt.NDArray[np.bool_]:
    holds = np.ones(len(made), np.bool_)
    for text in description.where:
        holds &= condition(text).holds(made.columns, len(made))
    return holds


def _default(parameters: Mapping[str, Parameter], request: Request) -> Cases:  # noqa: ARG001
    return Cases({name: np.array([one.default]) for name, one in parameters.items()}, 1)


def _grid(parameters: Mapping[str, Parameter], request: Request) -> Cases:  # noqa: ARG001
    axes = [_steps(one) for one in parameters.values()]
    count = int(np.prod([len(axis) for axis in axes], dtype=np.float64))
    _check_count(count)
    crossed = np.meshgrid(*axes, indexing="ij")
    return Cases({name: column.ravel() for name, column in zip(parameters, crossed, strict=True)}, count)


def _steps(parameter: Parameter) -> Floats:
    """What a grid goes through: choices, or low, low + step … up to high; one that has neither keeps its default."""
    if parameter.choices:
        return np.array(parameter.choices, np.float64)
    if parameter.low is None or parameter.high is None or parameter.step is None:
        return np.array([parameter.default])
    count = int(np.floor((parameter.high - parameter.low) / parameter.step + 1e-9)) + 1
    _check_count(count)
    return np.asarray(parameter.low + parameter.step * np.arange(count), np.float64)


def _check_count(count: int) -> None:
    if count > MOST_CASES:
        raise ConfigurationError("grid", f"{count:,} cases", f"at most {MOST_CASES:,}: larger steps, or a sampled design")


def _latin(parameters: Mapping[str, Parameter], request: Request) -> Cases:
    _check_count(request.count)
    if not parameters:
        return Cases({}, request.count)
    from scipy.stats import qmc  # late: a second of every start, for one design

    return _spread(parameters, qmc.LatinHypercube(len(parameters), rng=np.random.default_rng(request.seed)).random(request.count))


def _random(parameters: Mapping[str, Parameter], request: Request) -> Cases:
    _check_count(request.count)
    return _spread(parameters, np.random.default_rng(request.seed).random((request.count, len(parameters))))


def _importance(parameters: Mapping[str, Parameter], request: Request) -> Cases:
    _check_count(request.count)
    if not any(one.sampled for one in parameters.values()):
        raise ConfigurationError("--design", "importance", "a parameter that says from where it is to be drawn: `sampled`")
    shares = np.random.default_rng(request.seed).random((request.count, len(parameters)))
    towards = {
        name: one if one.sampled is None else one.model_copy(update={"occurs": one.sampled}) for name, one in parameters.items()
    }
    made, weights = _spread(towards, shares), np.ones(request.count)
    for name, one in parameters.items():
        if one.sampled is not None and one.low is not None and one.high is not None:
            value = made.columns[name]
            weights *= density(one.occurs, one.low, one.high, value) / density(one.sampled, one.low, one.high, value)
    return replace(made, weights=weights)


def _spread(parameters: Mapping[str, Parameter], shares: Floats) -> Cases:
    """Shares 0 … 1 (n, parameters) of what occurs of each range, or of the number of choices."""
    columns = {name: _at(one, share) for (name, one), share in zip(parameters.items(), shares.T, strict=True)}
    return Cases(columns, len(shares), drawn=len(shares))


def _at(parameter: Parameter, share: Floats) -> Floats:
    if parameter.choices:
        return np.array(parameter.choices)[(share * len(parameter.choices)).astype(np.intp)]
    if parameter.low is None or parameter.high is None:
        return np.full(len(share), parameter.default)
    return quantile(parameter.occurs, parameter.low, parameter.high, share)


_CHOSEN = {
    Design.DEFAULT: _default,
    Design.GRID: _grid,
    Design.LATIN: _latin,
    Design.RANDOM: _random,
    Design.IMPORTANCE: _importance,
}


def repeated(cases: Cases, times: int) -> Cases:
    """Every case so many times in a row."""
    rows = np.repeat(np.arange(len(cases)), times)
    return replace(cases.take(rows), drawn=cases.drawn * times)
