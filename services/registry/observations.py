"""Stored observations over HTTP, with their quantities by name and their units, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query

from chelu import quantities
from chelu.codec.observations import QUALITIES
from chelu.errors import NotAllowedError
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, shown
from services.registry.routing import Router
from services.registry.stored_models import Rows
from services.registry.streams import device_key
from services.registry.tables import AFTER, RANGE, Page, read_rows

ROUTER = Router(prefix="/api", tags=["what was stored"])
SQL = f"""SELECT time, arrival, device_key, quantity, value, quality, channel, flags FROM stream.observation
    WHERE {RANGE.format(time="time")} AND {AFTER.format(time="time")}
        AND (%(quantity)s::integer IS NULL OR quantity = %(quantity)s)
        AND (%(device_key)s::integer IS NULL OR device_key = %(device_key)s)
    ORDER BY time FETCH FIRST %(limit)s ROWS WITH TIES"""  # noqa: S608 - constants only

QuantityName = Annotated[
    str | None,
    Query(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="only of this quantity, a name that `chelu quantities` lists"),
]


@ROUTER.get("/observations")
def observations(
    parts: PartsOf,
    page: Page,
    quantity: QuantityName = None,
    device: Annotated[Identifier | None, Query(description="only of this sensor")] = None,
) -> Rows:
    """What sensors measured, in SI, oldest first."""
    asked = {"quantity": code_of(quantity), "device_key": device_key(parts, device) if device else None}
    rows = [with_names(row) for row in read_rows(parts, "stream.observation", SQL, {**page, **asked})]
    return Rows(rows=rows, next=rows[-1]["time_us"] if len(rows) >= (page["limit"] or 0) else None)


def code_of(name: str | None) -> int | None:
    """A quantity's number in the database; ProblemError 422 for one that there is not."""
    if name is None:
        return None
    try:
        return quantities.find(name).code
    except NotAllowedError as error:
        fault = Fault("quantity", shown(name), error.allowed)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [fault]) from None


def with_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with words for its numbers; a number of a newer version stays one."""
    known, quality = quantities.by_code().get(row["quantity"]), row.get("quality")
    is_word = quality is not None and quality < len(QUALITIES)
    words = {"quality": QUALITIES[quality] if is_word and quality is not None else quality} if "quality" in row else {}
    return {
        **row,
        "quantity": known.name if known else str(row["quantity"]),
        "unit": known.unit if known else None,
        **words,
    }
