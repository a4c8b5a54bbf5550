"""What the API takes and gives of sites' parameters."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from services.registry.models import InstantUs, Model, Name, Word

MOST = 100  # applications in a request, and parameters of each
# Whatever is no number is refused by the catalogue, which says what is allowed for this parameter.
Value = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "null"}]})]


class ParameterChanges(Model):
    """What is to be otherwise, and why; all of it or nothing."""

    values: Annotated[
        dict[Word, Annotated[dict[Word, Value], Field(min_length=1, max_length=MOST)]], Field(min_length=1, max_length=MOST)
    ] = Field(description="application → parameter → value; null: the default counts again")
    note: Annotated[Name, Field(min_length=1, description="why")]


class SiteParameter(Model):
    """One parameter at a site."""

    application: str = Field(description="or what all have in common, such as `life`", examples=["fcw"])
    parameter: str = Field(examples=["warn_mps2"])
    unit: str = Field(examples=["m/s²"])
    default: float
    lowest: float
    highest: float
    source: str = Field(description="where the default comes from, and what the parameter is for")
    own: float | None = Field(description="the site's; null: the default counts")
    value: float = Field(description="what counts: the site's, else the default")
    in_force: float | None = Field(description="what inference goes by, as it told last; null: it told nothing in the last hour")


class InForce(Model):
    """What inference told last of the parameters that a site goes by."""

    version: int = Field(description="of these parameters; 0: none of the site's own")
    heard_us: InstantUs
    refused: str = Field(description="why a newer version is not used; empty: none is refused")


class SiteParameters(Model):
    """A site's parameters; `version` counts the changes and is the ETag."""

    site_id: str
    version: int
    in_force: InForce | None
    parameters: list[SiteParameter]


class ParameterChange(Model):
    """What became of one parameter by one change."""

    change_id: int
    version: int = Field(description="that it led to")
    at: datetime.datetime
    actor: str
    application: str = Field(examples=["fcw"])
    parameter: str = Field(examples=["warn_mps2"])
    former: float | None = Field(description="null: the default counted")
    latter: float | None = Field(description="null: the default counts again")
    note: str


class ParameterHistory(Model):
    """Changes, newest first; `next` is the `before` of the next page, null on the last."""

    changes: list[ParameterChange]
    next: int | None
