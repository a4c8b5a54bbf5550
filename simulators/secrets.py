"""Where simulators keep their gateways' secrets between runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chelu.local.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file of the site's data directory, readable by this user only (`simulators.enrolment.Secrets`)."""

    path: Path

    def load(self, device_id: str) -> str | None:
        secret = read_json(self.path).get(device_id)
        return secret if isinstance(secret, str) else None

    def save(self, device_id: str, secret: str) -> None:
        if self.load(device_id) != secret:
            write_json(self.path, {**read_json(self.path), device_id: secret})
