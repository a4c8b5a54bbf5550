"""Where a site on this machine keeps what: one directory, laid out here, and small files written whole or not at all."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chelu.errors import CannotStartError

HOME_VARIABLE = "CHELU_HOME"
CACHE_VARIABLE = "XDG_CACHE_HOME"


def environment(data: Path | None) -> dict[str, str]:
    """Of this process, with the data directory of `--data` where one is given."""
    return dict(os.environ) if data is None else {**os.environ, HOME_VARIABLE: str(data)}


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below a site's data directory."""

    data: Path

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def endpoints(self) -> Path:
        return self.data / "endpoints.json"

    @property
    def state(self) -> Path:
        return self.data / "state.json"

    @property
    def ports(self) -> Path:
        return self.data / "ports.json"

    @property
    def secrets(self) -> Path:
        return self.data / "secrets.json"

    @property
    def api_key(self) -> Path:
        return self.data / "api-key"

    @property
    def accounts(self) -> Path:
        return self.data / "accounts.json"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def broker(self) -> Path:
        return self.data / "broker"

    @property
    def tls(self) -> Path:
        return self.data / "tls"

    @property
    def ca_certificate(self) -> Path:
        return self.tls / "ca.crt"

    @property
    def ca_key(self) -> Path:
        return self.tls / "ca.key"

    def server(self, name: str) -> Path:
        """The key and certificate of one server."""
        return self.tls / f"{name}.pem"

    def log(self, name: str) -> Path:
        """The log of one part."""
        return self.data / "logs" / f"{name}.log"

    def ready(self, name: str) -> Path:
        """The file that a service touches when it is ready."""
        return self.data / "run" / f"{name}.ready"


def home(environ: Mapping[str, str]) -> Path:
    """The data directory when none is named."""
    return Path(environ.get(HOME_VARIABLE) or "chelu-data").absolute()


def cache(environ: Mapping[str, str]) -> Path:
    """Where things fetched once are kept for every site of this user."""
    base = environ.get(CACHE_VARIABLE) or str(Path(environ.get("HOME") or "/tmp") / ".cache")  # noqa: S108 - a machine without HOME
    return Path(base) / "chelu"


def make_directory(path: Path, *, mode: int = 0o700) -> Path:
    """Create a directory and see that it can be written to; CannotStartError says why not."""
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in str(path)):
        raise CannotStartError(f"the directory {str(path)!r} has a control character or a byte that is not UTF-8", "name another")
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        probe = path / f".probe-{os.getpid()}"
        probe.write_bytes(b"chelu")
        probe.unlink()
    except OSError as error:
        raise CannotStartError(
            f"the directory {path} cannot be written to ({error.strerror})",
            "name another with --data, make room, or change its owner",
        ) from None
    return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Around the writing of a file: CannotStartError says which one it was that could not be written."""
    try:
        yield
    except OSError as error:
        raise CannotStartError(f"{path} cannot be written ({error.strerror})", "make room, or change its owner") from None


def write_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a reader sees the old text or the new; CannotStartError when it cannot be written."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CannotStartError(f"{path} cannot be written ({error.strerror})", "make room, or change its owner") from None


def write_json(path: Path, value: object, *, mode: int = 0o600) -> None:
    """`write_text` of a JSON document."""
    write_text(path, json.dumps(value, indent=2) + "\n", mode=mode)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON document, empty when there is none or it was cut off."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
