"""The registry's settings: ``CHELU_REGISTRY_…``, ``CHELU_DATABASE_URL`` and ``CHELU_MQTT_URL``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from chelu.errors import ConfigurationError
from chelu.settings import Settings

PREFIX = "CHELU_REGISTRY_"


class RegistrySettings(Settings):
    """What the registry is told at its start; files that are not named are not written."""

    database_url: Annotated[str, Field(pattern="^postgres(ql)?://")]
    mqtt_url: str | None = None  # the broker whose files these are: asked when it has read them
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    certificate_file: Path | None = None  # a server's key and certificate in one file: the API is on TLS, and nowhere else
    api_key: str | None = None  # the administrator's key; without it, keys already in the register count
    accounts_file: Path | None = None  # JSON {user: password} of the service accounts at the broker
    password_file: Path | None = None
    acl_file: Path | None = None
    broker_pid_file: Path | None = None
    packages_directory: Path | None = None  # firmware and models; None: none are taken
    console_directory: Path | None = None  # the built console; None: the one of this installation, if it was built
    public_url: Annotated[str, Field(pattern="^https?://")] | None = None  # where devices find this API; None: host and port
    hook_secret: Annotated[str, Field(min_length=16)] | None = None  # of a broker that asks by HTTP; None: none may ask

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], **overrides: Path | None) -> Self:
        """Read the environment; `overrides` (of the command line) count where they are not None."""
        values = {PREFIX + name.upper(): str(value) for name, value in overrides.items() if value is not None}
        shared = ("DATABASE_URL", "MQTT_URL")
        values |= {PREFIX + name: environ["CHELU_" + name] for name in shared if "CHELU_" + name in environ}
        return cls.load(environ={**environ, **values}, prefix=PREFIX)


def read_accounts(file: Path | None) -> dict[str, str]:
    """The service accounts {user: password}; raises ConfigurationError for a file that is not that."""
    if file is None:
        return {}
    try:
        accounts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError("accounts_file", str(file), f"it cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigurationError("accounts_file", str(file), f"it is not JSON ({error})") from None
    if not isinstance(accounts, dict) or not all(isinstance(value, str) and value for value in accounts.values()):
        raise ConfigurationError("accounts_file", str(file), "it must be an object of user names and passwords")
    return accounts
