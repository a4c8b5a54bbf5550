"""The chain of the track's log: each entry's hash covers the one before it, so that none is changed or taken out unseen. Pure.

An entry is kept as the very text that was hashed, since JSON that goes through a database need not come back byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as it is kept."""

    number: int
    entry: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to be remembered: who did what with which subject."""

    actor: str
    what: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """What came of reading a chain: how many entries, the last hash, and the first thing that does not fit."""

    entries: int
    head: bytes
    fault: str | None = None


def beginning(site_id: str) -> Link:
    """What the first entry of a site's log follows."""
    return Link(0, "", hashlib.sha256(f"chelu track log {site_id}".encode()).digest())


def extended(last: Link, site_id: str, happenings: Iterable[Happening], at_us: int) -> list[Link]:
    """The links that note these happenings, behind `last`."""
    links: list[Link] = []
    for happening in happenings:
        document = {
            "site": site_id,
            "number": last.number + 1,
            "at_us": at_us,
            "actor": happening.actor,
            "what": happening.what,
            "subject": happening.subject,
            "detail": happening.detail,
        }
        entry = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        last = Link(last.number + 1, entry, _hash(last.hash, entry))
        links.append(last)
    return links


def checked(site_id: str, links: Iterable[Link], head: bytes | None = None) -> Check:
    """Read a whole log in order, from its first entry. A head that was noted before must be in it: a log cut short lacks it."""
    last, count = beginning(site_id), 0
    has_head = head in {None, last.hash}
    for link in links:
        if link.number != last.number + 1:
            return Check(count, last.hash, f"entry {last.number + 1} is missing: {link.number} follows {last.number}")
        if _hash(last.hash, link.entry) != link.hash:
            return Check(count, last.hash, f"entry {link.number} is not what was written: its hash does not fit")
        document = json.loads(link.entry)
        if (document["site"], document["number"]) != (site_id, link.number):
            return Check(count, last.hash, f"entry {link.number} says that it is {document['number']} of {document['site']}")
        last, count, has_head = link, count + 1, has_head or link.hash == head
    return Check(count, last.hash, None if has_head else "the entry whose hash was noted is gone: the log was cut short")


def _hash(former: bytes, entry: str) -> bytes:
    return hashlib.sha256(former + entry.encode()).digest()
