"""Where simulators keep the secrets of their devices between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chelu.local.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file of the site's data directory, readable by this user only (`simulators.enrolment.Secrets`)."""

    path: Path

    def known(self) -> dict[str, str]:
        return {name: secret for name, secret in read_json(self.path).items() if isinstance(secret, str)}

    def keep(self, secrets: Mapping[str, str]) -> None:
        before = self.known()
        if not before.items() >= secrets.items():
            write_json(self.path, {**before, **secrets})
