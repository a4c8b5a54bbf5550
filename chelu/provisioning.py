"""A provisioning key: what devices that are not registered share, and the accounts at the broker that it stands for. Pure.

At the broker a client's id is its user name, so that nobody takes another's session; one account would therefore be one session.
A key is `places` accounts with one password, each for one session at a time: ``join+KEY+3``, which may speak below
``join/{serial}/KEY.3/`` and nowhere else. No device's id has a ``+``, and mosquitto applies no pattern to a name that has one.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import Self

from chelu.errors import ConfigurationError

FORM = re.compile(r"([A-Za-z0-9_.-]{1,64}):([1-9][0-9]{0,3}):([A-Za-z0-9_-]{43})")
PREFIX = "join+"


@dataclass(frozen=True, slots=True)
class Account:
    """One place of a key: its user name at the broker, and its level in topics."""

    key: str
    number: int

    @property
    def user(self) -> str:
        """User name and client id."""
        return f"{PREFIX}{self.key}+{self.number}"

    @property
    def place(self) -> str:
        """``{place}`` of `chelu.topics`."""
        return f"{self.key}.{self.number}"


@dataclass(frozen=True, slots=True)
class ProvisioningKey:
    """A key as a device is given it: ``NAME:PLACES:SECRET``."""

    name: str
    places: int
    secret: str = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ConfigurationError, which does not show the text."""
        found = FORM.fullmatch(text.strip())
        if not found:
            raise ConfigurationError("provisioning key", "…", "it reads NAME:PLACES:SECRET, as the registry showed it")
        return cls(found[1], int(found[2]), found[3])

    def __str__(self) -> str:
        return f"{self.name}:{self.places}:{self.secret}"

    def account(self, serial: str, attempt: int) -> Account:
        """Where a device of this serial waits: another place each time it was driven away from the last."""
        return Account(self.name, zlib.crc32(f"{serial} {attempt}".encode()) % self.places)


def account_of(place: str) -> Account:
    """The account to which a place belongs; for a text that is no place, one that is nobody's."""
    name, _, number = place.rpartition(".")
    return Account(name, int(number) if number.isascii() and number.isdigit() and len(number) <= 4 else -1)
