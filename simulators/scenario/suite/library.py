"""Suites that ship, by name, and their scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError
from simulators.scenario.library import Source
from simulators.scenario.reading import read_file, validated
from simulators.scenario.suite.description import Item, Suite

SUITES = Path(__file__).parent.parent / "suites"


@dataclass(frozen=True, slots=True)
class Found:
    """A suite, the text that it was read from, and where its scenarios are."""

    suite: Suite
    text: str
    scenarios: Path

    def source(self, item: Item) -> Source:
        """An item's scenario. ConfigurationError when there is none of that name, ScenarioError when it is no scenario."""
        path = self.scenarios / f"{item.scenario}.yaml"
        if not path.is_file():
            names = ", ".join(sorted(one.stem for one in self.scenarios.glob("*.yaml")))
            raise ConfigurationError("scenario", item.scenario, f"one of {self.scenarios}: {names}")
        return Source(read_file(path), path.read_text("utf-8"), f"{self.suite.suite}/{item.scenario}")


def suites() -> Mapping[str, Path]:
    """Every suite's file, by name."""
    return {path.stem: path for path in sorted(SUITES.glob("*.yaml"))}


def suite_of(what: str) -> Found:
    """The suite of this name, else the file. ConfigurationError when it is neither, ScenarioError when it is no suite."""
    path = suites().get(what, Path(what))
    if not path.is_file():
        raise ConfigurationError("suite", what, "a file, or one of " + ", ".join(suites()))
    text = path.read_text("utf-8")
    return Found(validated(text, str(path), Suite), text, path.parent / path.stem)
