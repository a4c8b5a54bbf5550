"""Where the registry is, as commands and programs find it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from chelu import tls
from chelu.errors import CannotStartError, ConfigurationError
from chelu.local.files import Layout, home

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def path_of(*names: str) -> str:
    """A thing's place in the API; ConfigurationError for a name that no thing has, which could make it another thing's place."""
    for name in names:
        if not NAME.fullmatch(name) or name in {".", ".."}:
            raise ConfigurationError("name", name, "1..64 of letters, digits, '_', '.', '-'")
    return "/".join(("/api", *names))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the registry is, and the key to it."""

    url: str
    key: str = field(repr=False)
    ca_file: Path | None = None  # whom to believe at an https URL; None: the machine's authorities

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """From CHELU_API_URL and CHELU_API_KEY, else from the endpoints.json that `chelu up` left in CHELU_HOME (./chelu-data).

        CHELU_API_KEY counts there too: whoever has logged in is not taken for the administrator.
        Raises ConfigurationError or CannotStartError naming what is missing.
        """
        key = environ.get("CHELU_API_KEY")
        if url := environ.get("CHELU_API_URL"):
            if key:
                return cls(url, _whole(key), tls.authority(environ))
            raise ConfigurationError("CHELU_API_KEY", None, "it is required beside CHELU_API_URL", source="environment")
        return cls._of_file(Layout(home(environ)).endpoints, key)

    @classmethod
    def _of_file(cls, file: Path, key: str | None) -> Self:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            key = _whole(key) if key else Path(document["api_key_file"]).read_text(encoding="utf-8").strip()
            ca_file = document.get("ca_file")
            return cls(document["api_url"], key, Path(ca_file) if ca_file else None)
        except FileNotFoundError:
            remedy = "start a site with `chelu up`, or set CHELU_API_URL and CHELU_API_KEY"
            raise CannotStartError(f"no site has been started here (there is no {file})", remedy) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError("endpoints", str(file), f"it cannot be read ({error})") from None


def _whole(key: str) -> str:
    """A key that a header can hold; its text is told to nobody."""
    key = key.strip()
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    found = f"{len(key.splitlines())} lines of {len(key)} characters in all"
    allowed = "one word: of what `chelu login` prints, that behind `token`"
    raise ConfigurationError("CHELU_API_KEY", found, allowed, source="environment")
