"""What the API's models are made of: fields with units and bounds. Every model refuses fields it does not know."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

DEVICE_ID = r"^[A-Za-z0-9_.-]{1,64}$"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters, no control characters")
    return text


def _no_dots_alone(name: str) -> str:
    if name in {".", ".."}:
        raise ValueError("no '.' or '..', which mean something else in an address")
    return name


Identifier = Annotated[
    str,
    StringConstraints(pattern=DEVICE_ID),
    AfterValidator(_no_dots_alone),
    Field(description="1..64 of letters, digits, '_', '.', '-'", examples=["obu-0001"]),
]
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north, WGS-84", examples=[29.5332])]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east, WGS-84", examples=[106.503])]
Elevation = Annotated[
    float, Field(ge=-500, le=9000, allow_inf_nan=False, description="metres above the WGS-84 ellipsoid", examples=[245.0])
]
InstantUs = Annotated[
    int, Field(ge=0, le=4_102_444_800_000_000, description="µs UTC since 1970", examples=[1_795_000_000_000_000])
]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Heading = Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False, description="degrees clockwise from north")]


class Model(BaseModel):
    """Base of what the API takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
