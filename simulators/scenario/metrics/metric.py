"""What a metric is: a number with a name, a unit and a definition, worked out from what a run left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.scenario.trace import Trace

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a metric must be told: a number in its name's unit, or a text; without a default it must be given."""

    name: str
    about: str
    default: float | str | None = None
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a trace: whose columns, during which instants, with which parameters.

    parties: columns of actors, in the order in which a requirement names them. during (t, n): the instants that count. numbers:
    by parameter (n,). texts: by parameter.
    """

    trace: Trace
    parties: tuple[int, ...]
    during: Mask
    numbers: Mapping[str, Floats]
    texts: Mapping[str, str]

    def number(self, name: str) -> Floats:
        """A parameter's value in every run: (n,)."""
        return self.numbers[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. measure gives (t, n) where the value changes with time, (n,) where a run has one; NaN: nothing to measure.

    parties: how many actors it may be asked of. formula, about and edges stand in the documentation: edges says what it is where
    the formula says nothing. is_windowed: whether `from` and `until` of a requirement matter. decided_by: the metric whose
    smallest value shows the decisive instant of one that has no instant itself.
    """

    name: str
    unit: str
    parties: tuple[int, ...]
    formula: str
    about: str
    edges: str
    measure: Callable[[Question], Floats]
    parameters: tuple[Parameter, ...] = ()
    is_windowed: bool = True
    decided_by: str = ""

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this name."""
        return next((one for one in self.parameters if one.name == name), None)


def of_rig(name: str) -> Callable[[Question], Floats]:
    """What the rig has measured of itself under this name; nothing where it has not."""

    def measure(question: Question) -> Floats:
        return question.trace.rig.get(name, np.full(question.trace.runs, np.nan))

    return measure
