"""Who is sent answers packed with gzip. Whoever packs them keeps them, since packing costs more than sending."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def accepts_gzip(request: HTTPConnection) -> bool:
    """Whether who asks can unpack gzip (RFC 9110, 12.5.3)."""
    offered = (
        part.strip().lower().replace(" ", "").partition(";") for part in request.headers.get("accept-encoding", "").split(",")
    )
    return any(name in {"gzip", "*"} and weight not in {"q=0", "q=0.0"} for name, _, weight in offered)
