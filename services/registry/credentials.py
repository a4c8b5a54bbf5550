"""Credentials: secrets, their verifiers in the form that mosquitto's ``password_file`` has, and hashes of API keys. Pure.

Secrets are 256 random bits, so nobody can guess them from a verifier however few the iterations; mosquitto's own default of 101
keeps 10,000 verifiers to about a second and a reload of the broker short. People's passwords are not made here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

ITERATIONS = 101
SALT_BYTES = 12
SECRET_BYTES = 32
HASHING_THREADS = 4
SCHEME = "7"  # mosquitto's number for PBKDF2-HMAC-SHA512

RandomBytes = Callable[[int], bytes]


def new_secret(random_bytes: RandomBytes = secrets.token_bytes) -> str:
    """A secret of 256 random bits in 43 URL-safe characters."""
    return base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).rstrip(b"=").decode()


def verifier(secret: str, random_bytes: RandomBytes = secrets.token_bytes) -> str:
    """What a password_file holds behind the user's name: ``$7$iterations$salt$hash``, salt and hash in base64."""
    salt = random_bytes(SALT_BYTES)
    return f"${SCHEME}${ITERATIONS}${_base64(salt)}${_base64(_pbkdf2(secret, salt, ITERATIONS))}"


def verifiers(wanted: Sequence[str]) -> list[str]:
    """A verifier for each secret; several threads at once, since the hashing releases the interpreter's lock."""
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        return list(pool.map(verifier, wanted, chunksize=256))


def is_verified(secret: str, line: str) -> bool:
    """Whether `secret` belongs to a verifier; false for one that is not of this form."""
    try:
        _, scheme, iterations, salt, expected = line.split("$")
        derived = _pbkdf2(secret, base64.b64decode(salt, validate=True), int(iterations))
        return scheme == SCHEME and hmac.compare_digest(derived, base64.b64decode(expected, validate=True))
    except (ValueError, binascii.Error):
        return False


def key_hash(key: str) -> bytes:
    """What the register keeps of an API key: SHA-256, 32 bytes."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _pbkdf2(secret: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, iterations)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
