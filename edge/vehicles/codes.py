"""Authentication codes of JT/T 808 terminals: derived from a secret of this gateway, so that none has to be kept.

A code ends when its terminal logs out for good. How often each has done so is kept in an append-only file; it is part of what the
code is derived from.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections import Counter
from pathlib import Path

from chelu.errors import CannotStartError

CODE_BYTES = 10  # printed as twice as many digits
SECRET_BYTES = 32


class Codes:
    """For one thread. Raises CannotStartError when the directory cannot be used."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._secret = _secret(directory / "secret")
            self._file = directory / "ended"
            lines = self._file.read_bytes().split() if self._file.exists() else []
        except OSError as error:
            remedy = "make the spool's directory writable"
            raise CannotStartError(f"the codes in {directory} cannot be used ({error.strerror})", remedy) from None
        self._ended = Counter(lines)

    def of(self, phone: bytes) -> bytes:
        """The terminal's present code."""
        said = phone + b" %d" % self._ended[phone]
        return hmac.digest(self._secret, said, "sha256")[:CODE_BYTES].hex().encode()

    def is_right(self, phone: bytes, code: bytes) -> bool:
        """Whether a code is the present one; takes as long for a wrong one."""
        return hmac.compare_digest(self.of(phone), code)

    def end(self, phone: bytes) -> None:
        """Let the present code be none any more; durable when it returns. Raises OSError, and then it stays."""
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, phone + b"\n")
            os.fdatasync(file)
        finally:
            os.close(file)
        self._ended[phone] += 1


def _secret(file: Path) -> bytes:
    """What is in the file, which is made when there is none; readable by this user only."""
    if not file.exists():
        made = file.with_suffix(".new")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as new:
            new.write(secrets.token_bytes(SECRET_BYTES))
            new.flush()
            os.fsync(new.fileno())
        made.rename(file)
    return file.read_bytes()
