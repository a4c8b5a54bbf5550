"""Names that are not known: said with those that come nearest, so that a slip of the pen is seen at once."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

NEAREST = 3


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Such as `there is no actor 'eog', nearest: ego; actors: ego, other`."""
    names = list(known)
    near = get_close_matches(name, names, NEAREST)
    return f"there is no {what} {name!r}{', nearest: ' + ', '.join(near) if near else ''}; {there_are(f'{what}s', names)}"


def there_are(what: str, names: Iterable[str]) -> str:
    """All of a kind."""
    return f"{what}: " + (", ".join(names) or "there are none")
