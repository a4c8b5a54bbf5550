"""Units that sensors write → SI, by pint: a unit's name is read once, and is then a factor and an offset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from chelu.errors import NotAllowedError
from chelu.quantities import Quantity

if TYPE_CHECKING:
    import pint

LONGEST = 32
# A name and a small power, several of them multiplied or divided: nothing that pint would have to compute.
_FACTOR = r"(1|[A-Za-zµμΩ]+)(?:(?:\^|\*\*)?(-?[1-4]))?"
_UNIT = re.compile(rf"{_FACTOR}(?:[*/]{_FACTOR})*")
_PIECE = re.compile(rf"([*/]?){_FACTOR}")
_SIGNS = str.maketrans({"¹": "1", "²": "2", "³": "3", "⁴": "4", "⁻": "-", "·": "*", "×": "*", " ": ""})
# Ways of writing that pint reads otherwise, or not at all.
_NAMES = {"°C": "degC", "℃": "degC", "°F": "degF", "℉": "degF", "%": "percent", "°": "deg", "": "1"}
_COUNTED = frozenset({"vehicle", "vehicles", "veh", "people", "person", "persons", "spot", "spots", "count"})
# Scales that are no multiples of a unit: taken as they are.
_SCALES = {"dB": frozenset({"dB", "dBA", "dB(A)"}), "NTU": frozenset({"NTU", "FNU"})}


@dataclass(frozen=True, slots=True)
class Conversion:
    """SI value = value × factor + offset."""

    factor: float
    offset: float


AS_IT_IS = Conversion(1.0, 0.0)


def conversion(unit: object, quantity: Quantity, where: str = "unit") -> Conversion:
    """From `unit` to the quantity's own; None is the quantity's own. NotAllowedError when it is not a unit of that quantity."""
    if unit is None:
        return AS_IT_IS
    found = _conversion(unit, quantity.unit) if isinstance(unit, str) and len(unit) <= LONGEST else None
    if found is None:
        raise NotAllowedError(where, unit, f"a unit of {quantity.name}, such as {quantity.usual_unit} or {quantity.unit}")
    return found


@lru_cache(maxsize=1024)
def _conversion(unit: str, si: str) -> Conversion | None:
    if unit == si:
        return AS_IT_IS
    if si in _SCALES:
        return AS_IT_IS if unit in _SCALES[si] else None
    import pint

    text = _readable(unit)
    if text is None:
        return None
    try:
        zero, one = (_registry().Quantity(value, text).to(_readable(si) or si).magnitude for value in (0.0, 1.0))
    except (pint.PintError, AttributeError, ValueError, TypeError):
        return None
    return Conversion(one - zero, zero)


def _readable(unit: str) -> str | None:
    """A unit's text as pint reads it; None for one that is not put together of names and small powers."""
    text = unit.strip()
    text = _NAMES.get(text, text).translate(_SIGNS)
    if not _UNIT.fullmatch(text):
        return None
    pieces = []
    for sign, name, power in _PIECE.findall(text):
        pieces.append(f"{sign}{'1' if name in _COUNTED else name}" + (f"**{power}" if power else ""))
    return "".join(pieces)


@cache
def _registry() -> pint.UnitRegistry[float]:
    """One registry for all: reading its definitions takes a third of a second."""
    import pint

    return pint.UnitRegistry()
