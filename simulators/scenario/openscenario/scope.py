"""What attributes of an OpenSCENARIO file mean where they stand: parameters and expressions replaced by their values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product

from chelu.xml_tree import Element, ElementError
from simulators.scenario.openscenario.numbers import Number, evaluated

NUMERIC = {"double", "integer", "int", "unsignedInt", "unsignedShort"}
RULES: Mapping[str, Callable[[float, float], bool]] = {
    "lessThan": operator.lt, "greaterThan": operator.gt, "equalTo": operator.eq, "lessOrEqual": operator.le,
    "greaterOrEqual": operator.ge, "notEqualTo": operator.ne,
}  # fmt: skip
_SIGNS = {"lessThan": "<", "greaterThan": ">", "equalTo": "==", "lessOrEqual": "<=", "greaterOrEqual": ">=", "notEqualTo": "!="}
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_UNWANTED = re.compile(r"[^a-z0-9_]+")


class OutsideError(ElementError):
    """A parameter's value that its own declaration does not allow."""


class Names:
    """Names as descriptions allow them, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, name: str, longest: int = 40) -> str:
        """A new one like this."""
        plain = _UNWANTED.sub("_", name.lower()).strip("_") or "unnamed"
        plain = (plain if plain[0].isalpha() else f"n_{plain}")[:longest]
        found, number = plain, 2
        while found in self._taken:
            tail = f"_{number}"
            found, number = plain[: longest - len(tail)] + tail, number + 1
        self._taken.add(found)
        return found


@dataclass(slots=True)
class Scope:
    """Parameters by name: texts, or numbers. fixed: names of those that are used where no expression can stand."""

    values: Mapping[str, str | Number]
    fixed: set[str] = field(default_factory=set)

    def within(self, declarations: Element | None, given: Mapping[str, str | Number] | None = None) -> Scope:
        """With what is declared in a part of the file; given: assigned from outside."""
        values = dict(self.values)
        inner = Scope(values, self.fixed)
        for one in declarations.all("ParameterDeclaration") if declarations is not None else ():
            name = one.needed("name").removeprefix("$")
            if given is not None and name in given:
                values[name] = given[name]
            else:
                values[name] = inner.declared(one)
        return inner

    def declared(self, declaration: Element) -> str | Number:
        """A parameter's value: a number where its type is one, and a text where that is none all the same."""
        try:
            return (
                self.number(declaration, "value")
                if declaration.get("parameterType") in NUMERIC
                else self.text(declaration, "value")
            )
        except ElementError:
            if declaration.needed("value").startswith("$"):
                raise
            return self.text(declaration, "value")

    def fix(self, number: Number) -> float:
        """A number's value, which from now on holds for its parameters' defaults only."""
        self.fixed |= number.names
        return number.value

    def has(self, element: Element, name: str) -> bool:
        """Whether there is such an attribute."""
        return element.get(name) is not None

    def text(self, element: Element, name: str, default: str | None = None) -> str:
        """An attribute as text."""
        given = element.needed(name) if default is None else element.get(name, default)
        if given.startswith("${"):
            return f"{self.fix(self.number(element, name)):.12g}"
        if not given.startswith("$"):
            return given
        value = self._look_up(element, given[1:])
        return value if isinstance(value, str) else f"{self.fix(value):.12g}"

    def number(self, element: Element, name: str, default: float | None = None) -> Number:
        """An attribute as a number."""
        given = element.get(name)
        if given is None and default is not None:
            return Number(default)
        given = element.needed(name).strip()
        try:
            if given.startswith("${") and given.endswith("}"):
                return evaluated(given[2:-1], lambda one: self._number(element, one), self.fix)
            return self._number(element, given[1:]) if given.startswith("$") else _finite(given)
        except ValueError as error:
            raise element.wrong(f"{name} = {given[:60]!r}: {error}") from None

    def value(self, element: Element, name: str, default: float | None = None) -> float:
        """A number of which only the value can be used."""
        return self.fix(self.number(element, name, default))

    def integer(self, element: Element, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = self.value(element, name, default)
        if not value.is_integer():
            raise element.wrong(f"{name} = {value:g}: a whole number")
        return int(value)

    def truth(self, element: Element, name: str, *, default: bool | None = None) -> bool:
        """True or false."""
        text = self.text(element, name, None if default is None else str(default).lower()).lower()
        if text not in _TRUTH:
            raise element.wrong(f"{name} = {text!r}: true or false")
        return _TRUTH[text]

    def chosen(self, element: Element, name: str, allowed: Mapping[str, str], default: str | None = None) -> str:
        """What one of a few words stands for."""
        text = self.text(element, name, default)
        if text not in allowed:
            raise element.wrong(f"{name} = {text!r}: one of {', '.join(allowed)}")
        return allowed[text]

    def _number(self, element: Element, name: str) -> Number:
        value = self._look_up(element, name)
        return value if isinstance(value, Number) else _finite(value)

    def _look_up(self, element: Element, name: str) -> str | Number:
        if name not in self.values:
            raise element.wrong(f"there is no parameter {name}")
        return self.values[name]


def _finite(text: str) -> Number:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None
    if value != value:  # noqa: PLR0124 - not a number
        raise ValueError("a number is wanted")
    return Number(value)


def constraints(declaration: Element, scope: Scope) -> list[str]:
    """What a parameter's declaration allows, any of its groups and all of a group, as conditions that must all hold.

    OutsideError when its value is none of what is allowed.
    """
    name, groups = (
        declaration.needed("name").removeprefix("$"),
        [one.all("ValueConstraint") for one in declaration.all("ConstraintGroup")],
    )
    value = scope.values[name]
    if groups and not any(all(_is_kept(one, value, scope) for one in group) for group in groups):
        problem = f"value = {declaration.get('value')!r} is outside the parameter's own constraints"
        raise OutsideError(declaration.file, declaration.line, declaration.path, problem)
    if not isinstance(value, Number) or not groups:
        return []
    return [" or ".join(_written(one, value, scope) for one in chosen) for chosen in product(*groups)]


def _written(constraint: Element, value: Number, scope: Scope) -> str:
    return f"{value.shown} {_SIGNS[constraint.needed('rule')]} {scope.number(constraint, 'value').shown}"


def _is_kept(constraint: Element, value: str | Number, scope: Scope) -> bool:
    rule = constraint.needed("rule")
    if rule not in RULES:
        raise constraint.wrong(f"rule = {rule!r}: one of {', '.join(RULES)}")
    if isinstance(value, Number):
        return RULES[rule](value.value, scope.number(constraint, "value").value)
    wanted = scope.text(constraint, "value")
    if rule not in {"equalTo", "notEqualTo"}:
        raise constraint.wrong(f"rule = {rule!r} between texts: equalTo or notEqualTo")
    return (value == wanted) == (rule == "equalTo")
