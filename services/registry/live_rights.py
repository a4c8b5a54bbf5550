"""Whether those who watch still may: keys expire and are deleted, roles are taken away, devices move. Asked of all at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from services.registry import callers
from services.registry.database import Register
from services.registry.live_reader import Reader
from services.registry.roles import Caller, Need

UNAUTHORIZED, FORBIDDEN = 4401, 4403  # 4000 + the HTTP status that the request would get now


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a socket was opened for: `sites` are given for a site's picture, else the devices count."""

    key_hash: bytes
    need: Need
    device_ids: tuple[str, ...] = ()
    site_id: str | None = None


class Tickets:
    """Of all open sockets. Any thread may add and remove; the hub's guard checks."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._lock = threading.Lock()
        self._tickets: dict[Reader, Ticket] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def add(self, reader: Reader, ticket: Ticket) -> None:
        with self._lock:
            self._tickets[reader] = ticket

    def remove(self, reader: Reader) -> None:
        with self._lock:
            self._tickets.pop(reader, None)

    def check(self) -> None:
        """End the readers that may no longer, in two queries whatever their number; UnreachableError when nobody can say."""
        with self._lock:
            tickets = dict(self._tickets)
        if not tickets:
            return
        known = callers.callers(self._register, {ticket.key_hash for ticket in tickets.values()})
        devices = callers.devices(self._register, list({name for ticket in tickets.values() for name in ticket.device_ids}))
        for reader, ticket in tickets.items():
            who = known.get(ticket.key_hash)
            if who is None:
                reader.end(UNAUTHORIZED, "the API key or session has ended")
                continue
            sites = [ticket.site_id] if ticket.site_id else callers.sites_of(devices, ticket.device_ids, who.team)
            if reason := _why_not(who, ticket.need, sites):
                reader.end(FORBIDDEN, reason)


def _why_not(who: Caller, need: Need, sites: Iterable[str | None]) -> str:
    if not who.has_scope(need.scope):
        return f"the key no longer has the scope {need.scope}"
    gone = [site or "all sites" for site in sites if not who.has(need.role, site)]
    return f"{who.name} is no longer {need.role} on {gone[0]}" if gone else ""
