"""Secrets of devices and what others may know of them: verifiers, as mosquitto's ``password_file`` has them. Pure.

Secrets are 256 random bits, so nobody can guess them from a verifier however few the iterations; mosquitto's own default of 101
keeps 10,000 verifiers to about a second and a reload of the broker short. People's passwords are not made here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable

from chelu.errors import MalformedError

ITERATIONS = 101
MOST_ITERATIONS = 1000  # a verifier that costs more to check is not taken from others: the broker checks it while all wait
SALT_BYTES = 12
SECRET_BYTES = 32
HASH_BYTES = 64
SCHEME = "7"  # mosquitto's number for PBKDF2-HMAC-SHA512
LONGEST = 256

RandomBytes = Callable[[int], bytes]


def new_secret(random_bytes: RandomBytes = secrets.token_bytes) -> str:
    """A secret of 256 random bits in 43 URL-safe characters."""
    return base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).rstrip(b"=").decode()


def verifier(secret: str, random_bytes: RandomBytes = secrets.token_bytes) -> str:
    """What a password_file holds behind the user's name: ``$7$iterations$salt$hash``, salt and hash in base64."""
    salt = random_bytes(SALT_BYTES)
    return f"${SCHEME}${ITERATIONS}${_base64(salt)}${_base64(_pbkdf2(secret, salt, ITERATIONS, HASH_BYTES))}"


def is_verified(secret: str, line: str) -> bool:
    """Whether `secret` belongs to a verifier; false for one that is not of this form."""
    try:
        _, scheme, iterations, salt, expected = line.split("$")
        wanted = base64.b64decode(expected, validate=True)
        derived = _pbkdf2(secret, base64.b64decode(salt, validate=True), int(iterations), len(wanted))
        return scheme == SCHEME and hmac.compare_digest(derived, wanted)
    except (ValueError, binascii.Error):
        return False


def check(line: object) -> str:
    """A verifier that somebody else made, as it is; MalformedError unless it is one whose salt and hash have our lengths."""
    if not isinstance(line, str) or len(line) > LONGEST:
        raise MalformedError("undecodable", f"verifier is not a text of at most {LONGEST} characters")
    try:
        before, scheme, iterations, salt, expected = line.split("$")
        sizes = len(base64.b64decode(salt, validate=True)), len(base64.b64decode(expected, validate=True))
        is_good = (before, scheme) == ("", SCHEME) and iterations.isdecimal() and iterations.isascii()
        if is_good and ITERATIONS <= int(iterations) <= MOST_ITERATIONS and sizes == (SALT_BYTES, HASH_BYTES):
            return line
    except (ValueError, binascii.Error):
        pass
    form = f"${SCHEME}${ITERATIONS}…{MOST_ITERATIONS}$SALT$HASH with {SALT_BYTES} and {HASH_BYTES} bytes in base64"
    raise MalformedError("undecodable", f"verifier is not of the form {form}")


def fingerprint(line: str) -> str:
    """16 hexadecimal digits by which a verifier is named where people read it."""
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def _pbkdf2(secret: str, salt: bytes, iterations: int, size: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret.encode("utf-8", "surrogateescape"), salt, iterations, size)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
