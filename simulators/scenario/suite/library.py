"""Suites that ship, by name, and their scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.library import Source
from simulators.scenario.names import there_are, unknown
from simulators.scenario.odd import Domain
from simulators.scenario.reading import checked, read_file, text_of
from simulators.scenario.suite.description import Item, Suite

SUITES = Path(__file__).parent.parent / "suites"


@dataclass(frozen=True, slots=True)
class Found:
    """A suite, the text that it was read from and its file, and where its scenarios are."""

    suite: Suite
    text: str
    file: Path
    scenarios: Path

    def made_for(self, domain: Domain) -> Found:
        """The same, held against another domain of what is tested."""
        return replace(self, suite=self.suite.model_copy(update={"made_for": domain}))

    def names(self) -> list[str]:
        """Of the scenarios that there are."""
        return sorted(one.stem for one in self.scenarios.glob("*.yaml"))

    def source(self, item: Item) -> Source:
        """An item's scenario. ConfigurationError when there is none of that name, ScenarioError when it is no scenario."""
        path = self.scenarios / f"{item.scenario}.yaml"
        if not path.is_file():
            raise ConfigurationError("scenario", item.scenario, f"in {self.scenarios} {there_are('scenarios', self.names())}")
        source = Source(read_file(path), path.read_text("utf-8"), f"{self.suite.suite}/{item.scenario}")
        return source if self.suite.made_for is None else source.made_for(self.suite.made_for)


def suites() -> Mapping[str, Path]:
    """Every suite's file, by name."""
    return {path.stem: path for path in sorted(SUITES.glob("*.yaml"))}


def suite_of(what: str) -> Found:
    """The suite of this name, else the file. ConfigurationError when it is neither, ScenarioError when it is no suite."""
    path = suites().get(what, Path(what))
    if not path.is_file():
        raise ConfigurationError("suite", what, "a file, or one that ships: " + unknown("suite", what, suites()))
    text = text_of(path)
    return Found(checked(text, str(path), Suite, lambda _: ()), text, path, path.parent / path.stem)
