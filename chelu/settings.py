"""How a component's settings are read: one frozen class per component, built once in its `main()`.

Values come, later over earlier, from the class's defaults, a TOML file and the environment (`PREFIX` + upper-case field name).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from chelu.errors import ConfigurationError, plainly


class Settings(BaseModel):
    """Base of every settings class: frozen, unknown keys refused, defaults checked too."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def load(cls, *, environ: Mapping[str, str], prefix: str, file: Path | None = None) -> Self:
        """Read settings; raises ConfigurationError naming file, key, value and what is allowed.

        An environment variable counts when its name is ``prefix`` + a field's name in capitals, so that a component started
        beside others ignores theirs.
        """
        values = read_toml(file) if file else {}
        source = str(file) if file else ""
        for name in cls.model_fields:
            variable = prefix + name.upper()
            if variable in environ:
                values[name] = environ[variable]
                source = f"{source}, environment" if file else "environment"
        return cls.check(values, source=source)

    @classmethod
    def check(cls, values: Mapping[str, Any], *, source: str) -> Self:
        """Validate a mapping; raises ConfigurationError for its first fault, naming `source`."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _first_fault(error, source) from None


def read_toml(file: Path) -> dict[str, Any]:
    """Parse a TOML file; a missing, unreadable or malformed one raises ConfigurationError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError("file", str(file), f"it cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError("file", str(file), f"it is not TOML ({error})") from None


def _first_fault(error: ValidationError, source: str) -> ConfigurationError:
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"]) or "(document)"
    if fault["type"] == "missing":
        return ConfigurationError(key, None, "it is required", source=source)
    if fault["type"] == "extra_forbidden":
        return ConfigurationError(key, fault["input"], "there is no setting of that name", source=source)
    return ConfigurationError(key, fault["input"], plainly(fault["msg"]), source=source)
