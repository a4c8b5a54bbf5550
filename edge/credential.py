"""A device's secret on disk: the one that counts, and the one it has made for itself that will. 0600, whole, and synced.

Beside the file NAME: NAME.next is a secret that the registry has been asked to let count; NAME.joining one with which the device
wants to be registered, its verifier on the second line; NAME.id the id under which it has been.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from chelu import verifiers
from chelu.errors import ConfigurationError

log = logging.getLogger(__name__)
MODE = 0o600


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """The file and those beside it. For one thread at a time."""

    path: Path

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    def secret(self) -> str:
        """The secret that counts, as far as is known; ConfigurationError when it cannot be read."""
        return _secret(self.path)

    def next_secret(self) -> str | None:
        """The secret that will count, if there is one."""
        return _secret(self._beside("next")) if self._beside("next").exists() else None

    def prepare(self) -> str:
        """Have a next secret, the same until it counts, and answer its verifier; ConfigurationError when it cannot be kept."""
        secret = self.next_secret()
        if secret is None:
            secret = verifiers.new_secret()
            _write(self._beside("next"), secret)
        return verifiers.verifier(secret)

    def promote(self) -> None:
        """Let the next secret be the one that counts."""
        _move(self._beside("next"), self.path)

    def proposal(self) -> tuple[str, str]:
        """(secret, verifier) with which the device wants to be registered: the same ones until it is."""
        file = self._beside("joining")
        if not file.exists():
            secret = verifiers.new_secret()
            _write(file, f"{secret}\n{verifiers.verifier(secret)}")
        secret, _, line = _read(file).partition("\n")
        return secret, line.strip()

    def accept(self, device_id: str) -> None:
        """The proposal counts, under this id. The id is written first: with the secret in its place, all is."""
        secret, _ = self.proposal()
        _write(self._beside("id"), device_id)
        _write(self.path, secret)
        self._beside("joining").unlink(missing_ok=True)

    def device_id(self) -> str | None:
        """The id under which the device has been registered, if it joined."""
        return _read(self._beside("id")).strip() if self._beside("id").exists() else None

    def _beside(self, what: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{what}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("credential_file", str(file), f"it cannot be read ({error})") from None


def _secret(file: Path) -> str:
    secret = _read(file).strip()
    if not secret or re.search(r"\s", secret):
        raise ConfigurationError("credential_file", str(file), "it must hold the device's secret and nothing else")
    return secret


def _write(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "w", encoding="utf-8") as opened:
            opened.write(text + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unkept(file, error) from None
    _move(temporary, file)


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _unkept(target, error) from None


def _unkept(file: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError("credential_file", str(file), f"it cannot be written ({error.strerror})")
