"""What the judge found so far, task by task, in a file from which it can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chelu.errors import ConfigurationError


@dataclass(slots=True)
class Results:
    """kind: what run it is (sizes and seed); only a run of the same kind may go on with its tasks."""

    kind: Mapping[str, Any]
    file: Path | None
    tasks: dict[str, Any] = field(default_factory=dict)

    def resume(self) -> None:
        """Take up the file's finished tasks; ConfigurationError when it is of another kind of run."""
        if self.file is None or not self.file.exists():
            return
        try:
            document = json.loads(self.file.read_text(encoding="utf-8"))
            kind, tasks = document["kind"], dict(document["tasks"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError("--resume", str(self.file), f"what an earlier run wrote ({error})") from None
        if kind != dict(self.kind):
            raise ConfigurationError(
                "--resume", str(self.file), f"a run of the same kind: {kind} there and {dict(self.kind)} here"
            )
        self.tasks = tasks

    def write(self, report: Mapping[str, Any]) -> None:
        """Write the file anew, whole or not at all."""
        if self.file is None:
            return
        document = {"kind": dict(self.kind), **report, "tasks": self.tasks}
        beside = self.file.with_name(self.file.name + ".new")
        beside.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(self.file)
