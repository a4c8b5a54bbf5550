"""The register as ingest sees it: who may speak, in which envelope and which version of the standard.

`Register` belongs to the loop's thread and asks over the writer's connection, so that it is never away while the writer is there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from chelu.clock import Clock
from chelu.codec.envelope import Envelope
from chelu.codec.roadside import AS_WRITTEN, Reading, esn_of, reading_of
from chelu.topics import OPENV2X_PROFILE, Kind

log = logging.getLogger(__name__)

COLUMNS = "device_id, device_key, kind, envelope, standard, profile, serial, reading"
LOAD = f"SELECT {COLUMNS} FROM register.device"  # noqa: S608 - constants only
FIND = f"{LOAD} WHERE device_id = ANY(%(names)s) OR (profile = '{OPENV2X_PROFILE}' AND serial = ANY(%(names)s))"
ASK_AGAIN_S = 2.0  # a stranger is looked up in the database once in this time
MOST_STRANGERS = 10_000
KINDS, ENVELOPES = frozenset(Kind), frozenset(Envelope)
DEVICE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # nothing else can be in the register


@dataclass(frozen=True, slots=True)
class Device:
    """One row of register.device, as far as ingest needs it; esn: under which it speaks where topics have no ids, "" for none."""

    device_id: str
    device_key: int
    kind: Kind
    envelope: Envelope
    standard: str
    esn: str = ""
    reading: Reading = AS_WRITTEN


class Register:
    """Devices by id, loaded at `load` and again after each notice on the channel ``register``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._passed_over: set[str] = set()
        self.devices: Mapping[str, Device] = {}
        self.is_stale = True

    def listen(self, connection: Connection[Any]) -> None:
        """Hear of changes on this connection from now on; what changed before is loaded next."""
        connection.add_notify_handler(self._heard)
        connection.execute("LISTEN register")
        self.is_stale = True

    def load(self, connection: Connection[Any]) -> bool:
        """Read all devices if something changed; True when they were read."""
        if not self.is_stale:
            return False
        self.is_stale = False
        self.devices = {device.device_id: device for device in self._devices(connection.execute(LOAD).fetchall())}
        self._asked.clear()
        return True

    def recheck(self, connection: Connection[Any], strangers: Iterable[str]) -> bool:
        """Look once more for ids that are about to be called unregistered, each at most every `ASK_AGAIN_S`; True when found.

        A device may speak before the notice of its registration has reached us.
        """
        now_s = self._clock.monotonic_s()
        if len(self._asked) > MOST_STRANGERS:
            self._asked.clear()
        names = [
            name for name in strangers if DEVICE_ID.fullmatch(name) and now_s - self._asked.get(name, -ASK_AGAIN_S) >= ASK_AGAIN_S
        ]
        if not names:
            return False
        self._asked.update(dict.fromkeys(names, now_s))
        found = {device.device_id: device for device in self._devices(connection.execute(FIND, {"names": names}).fetchall())}
        self.devices = {**self.devices, **found}
        return bool(found)

    def _heard(self, _notice: object) -> None:
        self.is_stale = True

    def _devices(self, rows: Iterable[tuple[Any, ...]]) -> Iterable[Device]:
        """Rows that this version cannot understand (a newer registry wrote them) are passed over, and said once."""
        for name, key, kind, envelope, standard, profile, serial, reading in rows:
            if kind in KINDS and envelope in ENVELOPES:
                esn = esn_of(kind, profile, serial)
                yield Device(name, key, Kind(kind), Envelope(envelope), standard, esn, reading_of(reading))
            elif name not in self._passed_over:
                self._passed_over.add(name)
                log.warning("device %s is passed over: kind %r or envelope %r is not known to this version", name, kind, envelope)
