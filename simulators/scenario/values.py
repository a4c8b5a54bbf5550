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
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

Floats = npt.NDArray[np.float64]
LONGEST = 400  # characters

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)
_CHOICES: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType({"min": np.minimum, "max": np.maximum})
_OF_ONE: Mapping[str, Callable[[Any], Any]] = MappingProxyType({"abs": np.abs, "sqrt": np.sqrt})
ALLOWED = "a number, or an expression of parameters with + - * / ( ) min max abs sqrt"


@dataclass(frozen=True)
class Expression:
    """A number that is worked out from parameters."""

    text: str

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


Value = Annotated[
    Quantity,
    PlainValidator(parsed),
    PlainSerializer(_text),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "maxLength": LONGEST}], "description": ALLOWED}),
]


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
