"""Signatures of packages: what is signed, by whom, and the check. Ed25519 (RFC 8032): keys of 32 bytes, signatures of 64.

Signed is a text of component, name, version, size and SHA-256, not the bytes themselves: so an old package cannot be offered as a
new one, nor one device's firmware as another's model, and a device knows before it fetches a byte. Needs cryptography.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from chelu.errors import ConfigurationError

HEADING = "chelu package 1"
COMPONENTS = ("firmware", "model")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
VERSION = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
OWN = frozenset({"parts", "installed.json", "job.json", "current"})  # what a device has beside packages and their versions
SHA256 = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"[0-9a-f]{64}")
SIGNATURE = re.compile(r"[0-9a-f]{128}")


def is_free(name: str) -> bool:
    """Whether a package, or a version, may be called so: not as what a device keeps of its own beside them."""
    return name not in OWN and not name.startswith(".")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a maker signs of a package; sha256 in hexadecimal."""

    component: str
    name: str
    version: str
    size: int
    sha256: str

    def text(self) -> bytes:
        """As it is signed."""
        return "\n".join((HEADING, self.component, self.name, self.version, str(self.size), self.sha256, "")).encode()


def is_signed(statement: Statement, signature: str, public_key: str) -> bool:
    """Whether the owner of a public key (both in hexadecimal) signed this; false for what is no key or no signature."""
    if not KEY.fullmatch(public_key) or not SIGNATURE.fullmatch(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), statement.text())
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A maker's private key."""

    _key: Ed25519PrivateKey

    @classmethod
    def new(cls) -> Signer:
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, file: Path) -> Signer:
        """From a PEM file (PKCS 8); ConfigurationError for one that holds no Ed25519 key."""
        try:
            key = load_pem_private_key(file.read_bytes(), None)
        except OSError as error:
            raise ConfigurationError("key", str(file), f"it cannot be read ({error.strerror})") from None
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError("key", str(file), "an Ed25519 private key in PEM, as `chelu firmware keygen` makes it")
        return cls(key)

    @property
    def public_key(self) -> str:
        """In hexadecimal."""
        return self._key.public_key().public_bytes_raw().hex()

    def pem(self) -> bytes:
        """The private key, for a file."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, statement: Statement) -> str:
        """The signature in hexadecimal."""
        return self._key.sign(statement.text()).hex()
