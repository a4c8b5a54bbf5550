"""Text that is made line by line and sent piece by piece: a piece costs a change of threads and a packet, whatever its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PIECE_CHARACTERS = 64 * 1024


def joined(texts: Iterable[str], characters: int = PIECE_CHARACTERS) -> Iterator[str]:
    """The same text in pieces that are full at `characters`; no text is cut."""
    kept: list[str] = []
    count = 0
    for text in texts:
        kept.append(text)
        count += len(text)
        if count >= characters:
            yield "".join(kept)
            kept, count = [], 0
    if kept:
        yield "".join(kept)
