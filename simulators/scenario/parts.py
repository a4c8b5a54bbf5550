"""What all parts of a description share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from chelu.applications import LONGEST_NAME

NAME = r"^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Application = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class Part(BaseModel):
    """A mapping of a description: no unknown keys, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def wrong(key: str, allowed: str) -> PydanticCustomError:
    """What a check of a whole mapping raises when one key of it is to blame; `allowed` is a sentence."""
    return PydanticCustomError("wrong", "{allowed}", {"key": key, "allowed": allowed})
