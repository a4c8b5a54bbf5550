"""The signals of a site that one controller decides for: it is asked once a second, and what it says becomes commands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from chelu.signal_control import MANUAL
from services.inference.city.control.orders import Order, is_news, order_of
from services.inference.city.control.places import Roads, places_of
from services.inference.city.control.sight import Look, Sight
from services.inference.city.control.told import Programme, Told
from services.inference.city.signals.catalogue import CONTROLLERS
from services.inference.city.signals.contract import Controller, Junctions
from services.inference.city.signals.fixed import Fixed


@dataclass(frozen=True, slots=True)
class Member:
    """A signal of a group; greens_s: of its manual plan, else empty."""

    device_key: int
    programme: Programme
    greens_s: tuple[float, ...] = ()


def controller_of(name: str, junctions: Junctions, members: Sequence[Member]) -> Controller:
    """By its name; a manual plan is a fixed one with other greens."""
    if name != MANUAL:
        return CONTROLLERS[name](junctions)
    greens = junctions.green_s.copy()
    for row, one in enumerate(members):
        count = min(len(one.greens_s), len(one.programme.stages))
        greens[row, :count] = np.clip(
            one.greens_s[:count], junctions.least_green_s[row, :count], junctions.most_green_s[row, :count]
        )
    return Fixed(replace(junctions, green_s=greens))


class Group:
    """Owned by one thread; keeps what its controller has measured, and what it has said last."""

    def __init__(self, name: str, members: Sequence[Member], roads: Roads) -> None:
        self.name, self.members = name, tuple(members)
        places = places_of(roads, [one.programme for one in members])
        self.junctions = places.junctions
        self._sight = Sight(places, roads.lines)
        self._controller = controller_of(name, places.junctions, members)
        self._stage = np.zeros(len(members), np.int64)
        self._runs_out_s = np.full(len(members), -np.inf)
        self._last: dict[int, Order] = {}

    def decide(self, seen: Look, told: Mapping[int, Told]) -> dict[int, Order]:
        """Commands by device key, of those signals that have to be told; told: what each shows."""
        now_us = seen.now_us
        shown = [told[one.device_key] for one in self.members]
        stage = np.array([one.following if not one.is_green else one.stage for one in shown], np.int64)
        green_s = np.array([one.green_s(now_us) for one in shown])
        decision = self._controller.decide(self._sight.state(seen, stage, green_s))
        now_s = now_us / 1e6
        is_out = now_s >= self._runs_out_s - 1e-6
        self._stage = np.where(is_out, decision.stage, self._stage)
        self._runs_out_s = np.where(is_out, now_s + decision.duration_s, self._runs_out_s)
        runs_out = np.rint(np.where(np.isfinite(self._runs_out_s), self._runs_out_s, now_s) * 1e6).astype(np.int64)
        found: dict[int, Order] = {}
        for one, state, wanted, until_us in zip(self.members, shown, self._stage.tolist(), runs_out.tolist(), strict=True):
            order = order_of(state, wanted, until_us, now_us)
            if order is not None and is_news(order, self._last.get(one.device_key), now_us):
                found[one.device_key] = self._last[one.device_key] = order
        return found

    def forget(self, device_key: int) -> None:
        """A command was not taken: it is said anew, whatever it was."""
        self._last.pop(device_key, None)
