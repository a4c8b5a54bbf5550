"""What the API's models are made of: fields with units and bounds. Every model refuses fields it does not know."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

FIRST, LAST = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (1970, 2100))
DEVICE_ID = r"^[A-Za-z0-9_.-]{1,64}$"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters, no control characters")
    return text


def _no_dots_alone(name: str) -> str:
    if name in {".", ".."}:
        raise ValueError("no '.' or '..', which mean something else in an address")
    return name


def _in_calendar(instant: datetime.datetime) -> datetime.datetime:
    """Beyond, some time zones and sums with it have no date."""
    if not FIRST <= instant <= LAST:
        raise ValueError(f"an instant from {FIRST.date()} to {LAST.date()}")
    return instant


def _written(instant: object) -> object:
    """A number would be seconds since 1970, which nobody means who writes 20260102."""
    if isinstance(instant, datetime.datetime) or (isinstance(instant, str) and "-" in instant):
        return instant
    raise ValueError("an instant with its offset from UTC, such as 2026-05-01T08:00:00+08:00")


def _no_truth(number: object) -> object:
    if isinstance(number, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004 - the one error that pydantic tells by field
    return number


Identifier = Annotated[
    str,
    StringConstraints(pattern=DEVICE_ID),
    AfterValidator(_no_dots_alone),
    Field(description="1..64 of letters, digits, '_', '.', '-'", examples=["obu-0001"]),
]
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Number = Annotated[float, BeforeValidator(_no_truth)]
Latitude = Annotated[Number, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north, WGS-84", examples=[29.5332])]
Longitude = Annotated[Number, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east, WGS-84", examples=[106.503])]
Elevation = Annotated[
    Number, Field(ge=-500, le=9000, allow_inf_nan=False, description="metres above the WGS-84 ellipsoid", examples=[245.0])
]
Written = Annotated[AwareDatetime, BeforeValidator(_written)]
Instant = Annotated[Written, AfterValidator(_in_calendar)]
InstantUs = Annotated[
    int, Field(ge=0, le=4_102_444_800_000_000, description="µs UTC since 1970", examples=[1_795_000_000_000_000])
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Heading = Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False, description="degrees clockwise from north")]


class Model(BaseModel):
    """Base of what the API takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
