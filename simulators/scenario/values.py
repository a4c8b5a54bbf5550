"""Numbers of a description that may hang on its parameters: `30`, `ego_kmh`, `(ego_kmh - other_kmh) / 3.6`.

An expression knows names, numbers, + − × ÷, brackets, `min`, `max`, `abs` and `sqrt`, nothing else. It is worked out for all
concrete runs at once.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic_core import CoreSchema, core_schema

Floats = npt.NDArray[np.float64]
LONGEST = 400  # characters

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)
_CHOICES: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType({"min": np.minimum, "max": np.maximum})
_OF_ONE: Mapping[str, Callable[[Any], Any]] = MappingProxyType({"abs": np.abs, "sqrt": np.sqrt})
ALLOWED = "a number, or an expression of parameters with + - * / ( ) min max abs sqrt"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number of a description may be. is_above: the least value itself is too small.

    In an annotation (`Annotated[Quantity, Bounds(0, 1)]`) it reads the field and publishes its schema; an expression keeps it,
    for what it comes to hangs on the case.
    """

    low: float = -np.inf
    high: float = np.inf
    is_above: bool = False

    @property
    def is_open(self) -> bool:
        """Whether any number will do."""
        return bool(np.isneginf(self.low) and np.isposinf(self.high))

    def hold(self, found: Floats) -> npt.NDArray[np.bool_]:
        """Whether these values are allowed; what is no number is not."""
        return np.asarray(((found > self.low) if self.is_above else (found >= self.low)) & (found <= self.high))

    def __str__(self) -> str:
        low = f"{'above' if self.is_above else 'at least'} {self.low:g}"
        if np.isposinf(self.high):
            return "a number" if self.is_open else low
        if np.isneginf(self.low):
            return f"at most {self.high:g}"
        return f"{low}, at most {self.high:g}" if self.is_above else f"{self.low:g} to {self.high:g}"

    def read(self, given: Any) -> Quantity:
        """A number or expression as it stands in a description; ValueError says what is allowed."""
        found = parsed(given)
        if isinstance(found, Expression):
            return Expression(found.text, self)
        if not self.hold(np.asarray(found)):
            raise ValueError(str(self))
        return found

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(_text)
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> dict[str, Any]:
        number: dict[str, Any] = {"type": "number"}
        if np.isfinite(self.low):
            number["exclusiveMinimum" if self.is_above else "minimum"] = self.low
        if np.isfinite(self.high):
            number["maximum"] = self.high
        description = ALLOWED if self.is_open else f"{ALLOWED}; {self}"
        return {"anyOf": [number, {"type": "string", "maxLength": LONGEST}], "description": description}


ANY = Bounds()


@dataclass(frozen=True)
class Expression:
    """A number that is worked out from parameters; bounds: what it must come to."""

    text: str
    bounds: Bounds = ANY

    @cached_property
    def tree(self) -> ast.expr:
        """Its parts; ValueError when it is none."""
        if len(self.text) > LONGEST:
            raise ValueError(f"{ALLOWED}, of at most {LONGEST} characters")
        try:
            tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            raise ValueError(ALLOWED) from error
        _check(tree)
        return tree

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it asks for."""
        nodes = (node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        return frozenset(nodes) - frozenset(_CHOICES) - frozenset(_OF_ONE)

    def of(self, parameters: Mapping[str, Floats]) -> Any:
        """Its value (n,) for these parameters (n,); KeyError for one that is not among them."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return _value(self.tree, parameters)


Quantity = float | Expression


def values(quantity: Quantity, parameters: Mapping[str, Floats], count: int) -> Floats:
    """(n,) values of a number or an expression for `count` concrete runs."""
    value = quantity.of(parameters) if isinstance(quantity, Expression) else quantity
    return np.array(np.broadcast_to(np.asarray(value, np.float64), count))


def parsed(given: Any) -> Quantity:
    """A number or expression as it stands in a description; ValueError says what is allowed."""
    if isinstance(given, Expression):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        if not np.isfinite(given):
            raise ValueError("a finite number")
        return float(given)
    if isinstance(given, str):
        expression = Expression(given)
        _ = expression.tree
        return expression
    raise ValueError(ALLOWED)


def _text(quantity: Quantity) -> float | str:
    return quantity.text if isinstance(quantity, Expression) else quantity


FASTEST_KMH, LONGEST_S, FARTHEST_M = 400.0, 3600.0, 100_000.0
Value = Annotated[Quantity, ANY]
Share = Annotated[Quantity, Bounds(0, 1)]
Speed = Annotated[Quantity, Bounds(0, FASTEST_KMH)]  # km/h; nobody drives backwards
Seconds = Annotated[Quantity, Bounds(0, LONGEST_S)]
Ahead = Annotated[Quantity, Bounds(0, LONGEST_S, is_above=True)]  # seconds that are not none
Metres = Annotated[Quantity, Bounds(0, FARTHEST_M)]
Place = Annotated[Quantity, Bounds(-FARTHEST_M, FARTHEST_M)]  # metres, on either side
Rate = Annotated[Quantity, Bounds(0, 100, is_above=True)]  # m/s or m/s² at which something is reached
EitherRate = Annotated[Quantity, Bounds(-100, 100)]  # the same where its sign does not matter


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return
        case ast.Name():
            return
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            _check(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            _check(left)
            _check(right)
        case ast.Call(func=ast.Name(id=name), args=[_, _, *_] as given, keywords=[]) if name in _CHOICES:
            for one in given:
                _check(one)
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _OF_ONE:
            _check(inner)
        case _:
            raise ValueError(ALLOWED)


def _value(node: ast.expr, parameters: Mapping[str, Floats]) -> Any:
    match node:
        case ast.Constant(value=value):
            return np.float64(value)  # type: ignore[arg-type]  # checked: a number
        case ast.Name(id=name):
            return parameters[name]
        case ast.UnaryOp(op=sign, operand=inner):
            return -_value(inner, parameters) if isinstance(sign, ast.USub) else _value(inner, parameters)
        case ast.BinOp(left=left, op=sign, right=right):
            return _BINARY[type(sign)](_value(left, parameters), _value(right, parameters))
        case ast.Call(func=ast.Name(id=name), args=[given]):
            return _OF_ONE[name](_value(given, parameters))
        case ast.Call(func=ast.Name(id=name), args=given):
            return reduce(_CHOICES[name], [_value(one, parameters) for one in given])
    raise ValueError(ALLOWED)
