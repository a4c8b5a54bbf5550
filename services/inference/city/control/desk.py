"""One site's signals under control: what they say, who decides, what is commanded and what became of it. No I/O, no clock.

Owned by the controllers' thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.codec.documents import parse_object
from chelu.errors import MalformedError
from chelu.signal_control import OFF, ControlError
from services.inference.city.control import told as reading
from services.inference.city.control.group import Group, Member
from services.inference.city.control.orders import Order
from services.inference.city.control.places import Roads
from services.inference.city.control.sight import Look
from services.inference.city.control.told import Told
from services.inference.city.control.wishes import Wanted, wanted
from services.inference.register import Device
from services.inference.reports import Ints

SILENT_S = 3.0  # a signal that answers nothing for so long has not heard


@dataclass(frozen=True, slots=True)
class Said:
    """A command as it goes out."""

    device: Device
    number: int
    controller: str
    order: Order
    time_us: int

    @property
    def document(self) -> dict[str, Any]:
        """As it is written."""
        return {"seqNum": self.number, "stage": self.order.stage, "until_us": self.order.until_us, "time_us": self.time_us}


@dataclass(frozen=True, slots=True)
class Event:
    """What is kept. what: switched, refused, silent, taken, left or unable; why: in words."""

    time_us: int
    device: Device
    controller: str
    what: str
    stage: int
    why: str = ""


@dataclass(slots=True)
class SignalDesk:
    """next_number: of commands. counts: decided, commanded, answered, refused by kind, silent, unreadable."""

    next_number: Callable[[], int]
    counts: Counter[str] = field(default_factory=Counter)
    told: dict[int, Told] = field(default_factory=dict)
    waits_ms: list[float] = field(default_factory=list)  # from a command to its answer, since they were taken last
    _devices: dict[int, Device] = field(default_factory=dict)
    _wanted: dict[int, Wanted] = field(default_factory=dict)
    _groups: list[Group] = field(default_factory=list)
    _is_stale: bool = True
    _keys: Ints = field(default_factory=lambda: np.empty(0, np.int64))  # of the roads that groups were made of
    _open: dict[int, Said] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)

    def use(self, devices: Mapping[int, Device], now_us: int) -> None:
        """The signals of the site, as the register has them now."""
        self._devices = dict(devices)
        self.told = {key: one for key, one in self.told.items() if key in devices}
        before, self._wanted = self._wanted, {}
        for key, device in devices.items():
            try:
                self._wanted[key] = wanted(device.labels)
            except ControlError as error:
                self._wanted[key] = Wanted()
                self._note(now_us, device, OFF, "unable", -1, str(error))
        self._is_stale |= before != self._wanted

    def hear(self, device: Device, stream: str, payload: bytes, now_us: int) -> None:
        """What a signal shows, or its answer to a command."""
        try:
            document = parse_object(payload)
            if stream == "stage":
                self._shows(device, reading.read(document, device.intersection))
            else:
                self._answered(device, document, now_us)
        except MalformedError:
            self.counts["unreadable"] += 1

    def decide(self, seen: Look, roads: Roads) -> list[Said]:
        """Commands for the signals that have to be told; call it once a second."""
        if self._is_stale or (roads.keys is not self._keys and not np.array_equal(roads.keys, self._keys)):
            self._regroup(roads)
        self._give_up(seen.now_us)
        said: list[Said] = []
        for group in self._groups:
            for key, order in group.decide(seen, self.told).items():
                one = Said(self._devices[key], self.next_number(), group.name, order, seen.now_us)
                said.append(one)
                self._open[one.number] = one
                if order.stage != self.told[key].stage:
                    self._note(seen.now_us, one.device, group.name, "switched", order.stage)
        self.counts["decided"] += 1
        self.counts["commanded"] += len(said)
        return said

    def events(self) -> list[Event]:
        """What has happened since they were asked for last."""
        events, self._events = self._events, []
        return events

    def state(self) -> list[dict[str, Any]]:
        """Every signal that has spoken: what it shows, and who decides."""
        return [
            {
                "signal": self._devices[key].device_id, "intersection": one.programme.intersection, "stage": one.stage,
                "light": one.light, "since_us": one.since_us, "by": one.by, "controller": self._wanted[key].controller,
            }
            for key, one in sorted(self.told.items())
        ]  # fmt: skip

    @property
    def is_idle(self) -> bool:
        """Whether nobody is to be commanded here."""
        return not any(one.controller != OFF and key in self.told for key, one in self._wanted.items())

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _shows(self, device: Device, found: Told) -> None:
        if device.key not in self._devices:
            return
        before, self.told[device.key] = self.told.get(device.key), found
        self._is_stale |= before is None or before.programme != found.programme
        name = self._wanted[device.key].controller
        if before is not None and before.by != found.by and name != OFF:
            words = {"command": "taken", "plan": "left", "priority": "left", "stop": "left"}
            self._note(found.since_us, device, name, words.get(found.by, "left"), found.stage, f"by {found.by}")

    def _answered(self, device: Device, document: Mapping[str, Any], now_us: int) -> None:
        number = document.get("seqNum")
        said = self._open.pop(number, None) if isinstance(number, int) else None
        if said is None or said.device.key != device.key:
            return
        self.waits_ms.append((now_us - said.time_us) / 1000.0)
        self.counts["answered"] += 1
        if document.get("errorCode") == 0:
            return
        why = str(document.get("errorDesc", ""))[:200]
        self.counts[f"refused, {str(document.get('refused', 'unknown'))[:30]}"] += 1
        self._note(now_us, device, said.controller, "refused", said.order.stage, why)
        self._forget(device.key)

    def _give_up(self, now_us: int) -> None:
        """Commands that nobody has answered."""
        for number, said in list(self._open.items()):
            if abs(now_us - said.time_us) > SILENT_S * 1e6:
                del self._open[number]
                self.counts["silent"] += 1
                self._note(now_us, said.device, said.controller, "silent", said.order.stage)
                self._forget(said.device.key)

    def _forget(self, device_key: int) -> None:
        for group in self._groups:
            group.forget(device_key)

    def _note(self, time_us: int, device: Device, controller: str, what: str, stage: int, why: str = "") -> None:
        self._events.append(Event(time_us, device, controller, what, stage, why))

    def _regroup(self, roads: Roads) -> None:
        """Signals by their controllers; a group that is as it was keeps what it has measured."""
        members: dict[str, list[Member]] = {}
        for key, one in sorted(self.told.items()):
            want = self._wanted.get(key, Wanted())
            if want.controller != OFF:
                members.setdefault(want.controller, []).append(Member(key, one.programme, want.greens_s))
        is_same = np.array_equal(roads.keys, self._keys)
        former = {(group.name, group.members): group for group in self._groups if is_same}
        self._groups = [former.get((name, tuple(own))) or Group(name, own, roads) for name, own in members.items()]
        self._is_stale, self._keys = False, roads.keys
