"""How what a webhook is sent is signed, so that its receiver can tell it from anybody else's. Pure.

``Chelu-Signature: t=SECONDS,v1=HEX`` with HEX = HMAC-SHA256 of ``SECONDS.BODY`` under the webhook's secret; the time is in it so
that what was overheard cannot be sent again another day.
"""

from __future__ import annotations

import hashlib
import hmac

HEADER = "Chelu-Signature"
OLDEST_S = 300


def sign(secret: str, body: bytes, *, at_s: int) -> str:
    """The header's value."""
    return f"t={at_s},v1={_digest(secret, body, str(at_s))}"


def is_signed(secret: str, body: bytes, header: str, *, now_s: int, oldest_s: int = OLDEST_S) -> bool:
    """As a receiver checks it: signed with this secret, and not long ago."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    if not at.isascii() or not at.isdigit() or abs(now_s - int(at)) > oldest_s:
        return False
    return hmac.compare_digest(_digest(secret, body, at), parts.get("v1", ""))


def _digest(secret: str, body: bytes, at: str) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
