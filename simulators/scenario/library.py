"""Scenarios that ship, by name; a name that is none may be a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.description import Description
from simulators.scenario.names import unknown
from simulators.scenario.odd import Domain
from simulators.scenario.reading import read_file

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Source:
    """A description, the text that it was read from, and what that text is called."""

    description: Description
    text: str
    file: str

    def made_for(self, domain: Domain) -> Source:
        """The same, held against another domain of what is tested."""
        return replace(self, description=self.description.model_copy(update={"made_for": domain}))


def templates() -> Mapping[str, Path]:
    """Every template's file, by name."""
    return {path.stem: path for path in sorted(TEMPLATES.glob("*.yaml"))}


def source_of(what: str) -> Source:
    """The template of this name, else the file. ConfigurationError when it is neither, ScenarioError when it is no scenario."""
    path = templates().get(what, Path(what))
    if not path.exists():
        raise ConfigurationError("scenario", what, "a file, or one that ships: " + unknown("scenario", what, templates()))
    description = read_file(path)
    return Source(description, path.read_text("utf-8"), what if path.parent == TEMPLATES else str(path))
