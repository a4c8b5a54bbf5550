"""What all parts of a description share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME = r"^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]


class Part(BaseModel):
    """A mapping of a description: no unknown keys, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
