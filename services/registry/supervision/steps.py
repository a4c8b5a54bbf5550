"""What a turn's words come to, before it is written: states, stretches of driving and events of vehicles. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.registry.supervision import clocks
from services.registry.supervision.clocks import RIGHT, Speaker, VehicleClock
from services.registry.supervision.rows import Owner
from services.registry.supervision.states import Event, Span, State, step
from services.registry.supervision.words import ModeWord


@dataclass(frozen=True, slots=True)
class Told:
    """A word of a device. is_stored: it was read from what ingest stored, since it may not have been heard."""

    device_id: str
    word: ModeWord
    heard_us: int
    is_stored: bool = False


class Steps:
    """States with when each vehicle was heard, by key, and clocks by speaker; those that changed; stretches and events."""

    def __init__(self, states: dict[int, tuple[State, int]], clocks: dict[Speaker, VehicleClock]) -> None:
        self.states, self.clocks = states, clocks
        self.changed: dict[int, tuple[State, int]] = {}
        self.spans: list[tuple[int, Span]] = []
        self.events: list[tuple[Owner, Event]] = []
        self.owners: dict[int, Owner] = {}

    def take(self, owner: Owner, told: Told) -> None:
        """One word of a vehicle. Whatever it says by whatever clock: who speaks is not silent."""
        key = owner.device_key
        self.owners[key] = owner
        speaker = key, told.device_id
        clock, known = self.clocks.get(speaker, RIGHT), self.states.get(key)
        if told.is_stored:
            words = clocks.stored(clock, told.word, told.heard_us)
        else:
            self.clocks[speaker], words = clocks.heard(clock, known[0].time_us if known else None, told.word, told.heard_us)
            if known is not None:
                self.states[key] = known[0], max(known[1], told.heard_us)
        for word, heard_us in words:
            self._step(owner, word, heard_us)

    def _step(self, owner: Owner, word: ModeWord, heard_us: int) -> None:
        key = owner.device_key
        state, last_us = self.states.get(key, (None, 0))
        if (came := step(state, word, heard_us)) is None:
            return
        self.states[key] = self.changed[key] = came.state, max(last_us, heard_us)
        self.spans += [(key, span) for span in came.spans]
        self.events += [(owner, event) for event in came.events]
