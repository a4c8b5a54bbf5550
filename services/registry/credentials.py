"""Credentials as the register makes them: many verifiers at once (`chelu.verifiers`), and hashes of API keys. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chelu.verifiers import is_verified, new_secret, verifier

__all__ = ["is_verified", "key_hash", "new_secret", "verifier", "verifiers"]

HASHING_THREADS = 4


def verifiers(wanted: Sequence[str]) -> list[str]:
    """A verifier for each secret; several threads at once, since the hashing releases the interpreter's lock."""
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        return list(pool.map(verifier, wanted, chunksize=256))


def key_hash(key: str) -> bytes:
    """What the register keeps of an API key: SHA-256, 32 bytes."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
