"""What a run of `chelu bench` found, part by part, and its JSON file, from which a run can be taken up again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chelu.errors import ConfigurationError
from evaluation.bench.report import Figure

Series = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one part found: its figures, and series for plots and tables by name (what JSON can hold)."""

    figures: Sequence[Figure]
    series: Series = field(default_factory=dict)


@dataclass(slots=True)
class Results:
    """The findings of the parts that are done; `file` None: kept in memory only."""

    machine: Mapping[str, Any]
    is_quick: bool
    file: Path | None = None
    parts: dict[str, Findings] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def figures(self) -> list[Figure]:
        """Those of all parts, in their order."""
        return [figure for findings in self.parts.values() for figure in findings.figures]

    @property
    def series(self) -> dict[str, Any]:
        """Those of all parts, by name."""
        return {name: values for findings in self.parts.values() for name, values in findings.series.items()}

    def add(self, part: str, findings: Findings, seconds: float) -> None:
        """Keep a finished part, in the file, too."""
        self.parts[part], self.seconds[part] = findings, seconds
        self.write()

    def write(self) -> None:
        """Write the file anew, whole or not at all."""
        if self.file is None:
            return
        beside = self.file.with_name(self.file.name + ".new")
        beside.write_text(json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(self.file)

    def document(self) -> dict[str, Any]:
        """The file: every figure with a key at the top, then everything by part."""
        named = {figure.key: figure.document() for figure in self.figures if figure.key}
        return {
            "machine": dict(self.machine),
            "is_quick": self.is_quick,
            **{key: {name: value for name, value in one.items() if name != "key"} for key, one in named.items()},
            "parts": {name: self._part(name) for name in self.parts},
        }

    def _part(self, name: str) -> dict[str, Any]:
        findings = self.parts[name]
        figures = [figure.document() for figure in findings.figures]
        return {"seconds": round(self.seconds[name], 1), "figures": figures, "series": dict(findings.series)}

    def resume(self) -> None:
        """Take up what the file holds; ConfigurationError when it is of another machine, or of another kind of run."""
        if self.file is None:
            raise ConfigurationError("--resume", None, "it takes up the file of --json, which is not given")
        if not self.file.exists():
            return
        document = _read(self.file)
        for name, ours in (("machine", dict(self.machine)), ("is_quick", self.is_quick)):
            if document.get(name) != ours:
                allowed = f"a run on this machine and of this kind: {name} is {document.get(name)} there and {ours} here"
                raise ConfigurationError("--resume", str(self.file), allowed)
        for name, part in document["parts"].items():
            self.parts[name] = Findings([Figure.of(one) for one in part["figures"]], part["series"])
            self.seconds[name] = part["seconds"]


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return {**document, "parts": dict(document["parts"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError("--resume", str(file), f"what an earlier run wrote ({error})") from None
