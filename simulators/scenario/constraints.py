"""Conditions between parameters: which combinations of values are cases at all."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from simulators.scenario.values import ALLOWED, Expression, Floats

_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"<=": operator.le, ">=": operator.ge, "!=": operator.ne, "==": operator.eq, "<": operator.lt, ">": operator.gt}
)
_SPLIT = re.compile("(" + "|".join(_SIGNS) + ")")


@dataclass(frozen=True, slots=True)
class Condition:
    """Comparisons of which one must hold."""

    parts: tuple[Comparison, ...]

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it asks for."""
        return frozenset[str]().union(*(one.names for one in self.parts))

    def holds(self, parameters: Mapping[str, Floats], count: int) -> npt.NDArray[np.bool_]:
        """(n,) whether it holds for each combination."""
        return np.asarray(np.any([one.holds(parameters, count) for one in self.parts], axis=0))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two expressions and what must hold between them."""

    left: Expression
    sign: str
    right: Expression

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it asks for."""
        return self.left.names | self.right.names

    def holds(self, parameters: Mapping[str, Floats], count: int) -> npt.NDArray[np.bool_]:
        """(n,) whether it holds for each combination."""
        return np.array(np.broadcast_to(_SIGNS[self.sign](self.left.of(parameters), self.right.of(parameters)), count))


def condition(text: str) -> Condition:
    """Such as `other_kmh < ego_kmh`, or several with `or` between them; ValueError says what is allowed."""
    return Condition(tuple(_comparison(one) for one in text.split(" or ")))


def _comparison(text: str) -> Comparison:
    parts = _SPLIT.split(text)
    if len(parts) != 3:
        raise ValueError(f"one comparison ({' '.join(_SIGNS)}) of two sides, each {ALLOWED}")
    sides = Expression(parts[0].strip()), Expression(parts[2].strip())
    for side in sides:
        _ = side.tree
    return Comparison(sides[0], parts[1], sides[1])
