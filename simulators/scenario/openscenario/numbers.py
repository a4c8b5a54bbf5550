"""Numbers of an OpenSCENARIO file that may hang on its parameters: a value for the defaults, and an expression for all others."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Number:
    """value: with every parameter's default. text: the expression, empty for one that hangs on none; names: the parameters'."""

    value: float
    text: str = ""
    names: frozenset[str] = frozenset()

    @property
    def quantity(self) -> float | str:
        """As it stands in a description."""
        return self.text if self.names else shortened(self.value)

    @property
    def shown(self) -> str:
        """As part of an expression."""
        if self.names:
            return self.text
        return f"{self.value:.{_DIGITS}g}" if self.value >= 0 else f"(-{-self.value:.{_DIGITS}g})"

    def __add__(self, other: Number | float) -> Number:
        two = number(other)
        if not two.names and two.value == 0.0:
            return self
        if not self.names and self.value == 0.0:
            return two
        return _joined("+", self, two, self.value + two.value)

    def __sub__(self, other: Number | float) -> Number:
        two = number(other)
        return self if not two.names and two.value == 0.0 else _joined("-", self, two, self.value - two.value)

    def __mul__(self, other: Number | float) -> Number:
        two = number(other)
        return self if not two.names and two.value == 1.0 else _joined("*", self, two, self.value * two.value)

    def __truediv__(self, other: Number | float) -> Number:
        two = number(other)
        if two.value == 0.0:
            raise ValueError("division by 0")
        return self if not two.names and two.value == 1.0 else _joined("/", self, two, self.value / two.value)

    def __neg__(self) -> Number:
        return Number(-self.value, f"(-{self.text})" if self.names else "", self.names)


def number(value: Number | float) -> Number:
    """The same as a number of an import."""
    return value if isinstance(value, Number) else Number(float(value))


def shortened(value: float) -> float:
    """Without digits that are rounding."""
    return float(f"{value:.{_DIGITS}g}")


def _joined(sign: str, one: Number, two: Number, value: float) -> Number:
    names = one.names | two.names
    return Number(value, f"({one.shown} {sign} {two.shown})" if names else "", names)


_SIGNS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_KEPT: Mapping[str, Callable[..., float]] = {"sqrt": math.sqrt, "abs": abs, "min": min, "max": max}  # known to descriptions, too
_FIXED: Mapping[str, Callable[..., float]] = {
    "pow": pow, "floor": math.floor, "ceil": math.ceil, "round": round, "sign": lambda one: math.copysign(1, one) if one else 0,
    "sin": math.sin, "cos": math.cos, "tan": math.tan,
}  # fmt: skip
_NAME = re.compile(r"\$([A-Za-z_][A-Za-z0-9_.]*)")


def evaluated(text: str, look_up: Callable[[str], Number], fix: Callable[[Number], float]) -> Number:
    """The value of what stands between ${ and }. ValueError says what is not understood.

    fix: told of numbers of which only the default's value can be used.
    """
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        names.append(found.group(1))
        return f"_p{len(names) - 1}"

    try:
        tree = ast.parse(_NAME.sub(numbered, text).strip(), mode="eval").body
        return _Value(names, look_up, fix).of(tree)
    except SyntaxError:
        raise ValueError("no expression") from None
    except (ArithmeticError, TypeError) as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Value:
    """Works out the parts of an expression, whose parameters are written as _p0, _p1 and so on."""

    names: list[str]
    look_up: Callable[[str], Number]
    fix: Callable[[Number], float]

    def of(self, node: ast.expr) -> Number:
        match node:
            case ast.Constant(value=int() | float() as given):
                return Number(float(given))
            case ast.Name(id="pi"):
                return Number(math.pi)
            case ast.Name(id=name) if name.startswith("_p"):
                return self.look_up(self.names[int(name[2:])])
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
                return -self.of(inner) if isinstance(sign, ast.USub) else self.of(inner)
            case ast.BinOp(left=left, op=sign, right=right):
                return self._joined(sign, self.of(left), self.of(right))
            case ast.Call(func=ast.Name(id=name), args=given):
                return self._called(name, [self.of(one) for one in given])
        raise ValueError(f"{ast.unparse(node)!r} is not understood in an expression")

    def _joined(self, sign: ast.operator, left: Number, right: Number) -> Number:
        if isinstance(sign, ast.Mod):
            return Number(math.fmod(self.fix(left), self.fix(right)))
        if type(sign) not in _SIGNS:
            raise ValueError(f"{type(sign).__name__} is not understood in an expression")
        found: Number = _SIGNS[type(sign)](left, right)
        return found

    def _called(self, name: str, given: list[Number]) -> Number:
        if name in _FIXED:
            return Number(float(_FIXED[name](*(self.fix(one) for one in given))))
        if name not in _KEPT:
            raise ValueError(f"{name}() is not understood in an expression")
        found = frozenset[str]().union(*(one.names for one in given))
        text = f"{name}({', '.join(one.shown for one in given)})" if found else ""
        return Number(float(_KEPT[name](*(one.value for one in given))), text, found)
