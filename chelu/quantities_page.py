"""The table of quantities as a page: docs/formats/quantities.md is what `page` returns, and a test sees that it is. Pure.

Written anew with ``python -m chelu.quantities_page > docs/formats/quantities.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

from chelu.quantities import QUANTITIES, Field, Quantity

HEAD = """# Quantities

What a sensor may send as an [observation](observations.md). Values are stored in the SI unit; *comes in* is the usual unit, and
any unit of the same kind is converted. A value outside the range is refused. *FIWARE* names the property of the smart data model
(<https://smartdatamodels.org>) that says the same; a dash: ours. This page is derived from `chelu/quantities.py`, and
`chelu quantities` prints the same: change that file, and run `python -m chelu.quantities_page > docs/formats/quantities.md`.
"""
COLUMNS = ("name", "number", "SI unit", "comes in", "range", "FIWARE", "about")


def page() -> str:
    """The page in Markdown."""
    return "\n".join([HEAD, *(line for field in Field for line in _section(field))]).rstrip() + "\n"


def _section(field: Field) -> Iterator[str]:
    yield f"## {field.value.capitalize()}\n"
    yield _line(*COLUMNS)
    yield _line(*["---"] * len(COLUMNS))
    yield from (_row(one) for one in QUANTITIES if one.field is field)
    yield ""


def _row(one: Quantity) -> str:
    bounds = f"{one.low:g} … {one.high:g}"
    return _line(f"`{one.name}`", str(one.code), one.unit, one.usual_unit, bounds, one.model or "–", one.about)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(page(), end="")
