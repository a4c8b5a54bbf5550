"""People's passwords: argon2id (RFC 9106), at most a few computed at once, since each takes 64 MiB."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = threading.BoundedSemaphore(2)
NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"  # of no password in use
)


def new_password() -> str:
    """A random password of 128 bits."""
    return secrets.token_urlsafe(16)


def hashed(password: str) -> str:
    """What the register keeps of a password."""
    with AT_ONCE:
        return PasswordHasher().hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one; as slow when there is none, so that users cannot be told from strangers."""
    with AT_ONCE:
        try:
            return PasswordHasher().verify(kept or NOBODY, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False
