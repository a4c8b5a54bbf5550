"""Scenarios that ship, by name; a name that is none may be a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.checking import problems_of
from simulators.scenario.checking_manoeuvres import Found as Problems
from simulators.scenario.description import Description
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.names import unknown
from simulators.scenario.odd import Domain
from simulators.scenario.reading import checked, read_file, text_of

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

    def tested_with(self, file: Path) -> Source:
        """The same, with the device under test of a file of its own (`--dut`). ScenarioError, also where it does not fit."""

        def problems(device: DeviceUnderTest) -> Problems:
            found = problems_of(self.description.model_copy(update={"dut": device}))
            return ((path[1:], f"{allowed} (in {self.file})") for path, allowed in found if path[0] == "dut")

        device = checked(text_of(file), str(file), DeviceUnderTest, problems)
        return replace(self, description=self.description.model_copy(update={"dut": device}))


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
