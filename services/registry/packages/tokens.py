"""What lets a device fetch its package: a token that goes with the order and counts as long as the order is open.

It is made of the order's number under a key of this installation, so that none is kept anywhere. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from services.registry.orders.rows import Letter

TOKEN = re.compile(r"(?P<number>[0-9]{1,19})\.(?P<mac>[0-9a-f]{64})")


def token_of(key: bytes, number: int) -> str:
    """An order's token."""
    return f"{number}.{hmac.new(key, str(number).encode(), hashlib.sha256).hexdigest()}"


def dressed(letter: Letter, key: bytes, public_url: str) -> dict[str, Any]:
    """An order to install as it is sent: with the whole address of the package, and its token."""
    document = letter.document()
    if document.get("action") != "install":
        return document
    return {**document, "url": public_url.rstrip("/") + document["url"], "token": token_of(key, letter.number)}


def number_of(key: bytes, token: str) -> int | None:
    """Whose token this is; None when it is nobody's."""
    found = TOKEN.fullmatch(token)
    if found is None or int(found["number"]) >= 2**63:
        return None
    number = int(found["number"])
    return number if hmac.compare_digest(token_of(key, number), token) else None
