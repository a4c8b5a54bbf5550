"""The example that cooperates, with a fault: `python -m tests.wrong_cooperator FAULT …`, the rest as the example's options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from simulators.scenario.dut.example import run, wire_parser
from simulators.scenario.dut.example_coop import Cooperator, Document

LATE_FRAMES = 10  # of its own: a second


class Hasty(Cooperator):
    """Asks as soon as it sees anybody."""

    def is_wanted(self, own: Document, other: Document) -> bool:
        return True


class Shy(Cooperator):
    """Never asks."""

    def is_wanted(self, own: Document, other: Document) -> bool:
        return False


class Insistent(Cooperator):
    """Asks again under another number."""

    def _ask(self, own: Document) -> tuple[str, Document]:
        self._times = getattr(self, "_times", 0) + 1
        asked = super()._ask(own)
        if self._times == 1:
            self._asked = 0
        return asked


class Elsewhere(Cooperator):
    """Says that it is 11 m further north."""

    def motion(self, own: Document) -> Document:
        return super().motion({**own, "latitude_deg": own["latitude_deg"] + 0.0001})


class Mute(Cooperator):
    """Does not tell how it ended."""

    def _has_changed(self, own: Document) -> Iterator[tuple[str, Document]]:
        yield from ()


class Deaf(Cooperator):
    """Does not answer who asks it to give way."""

    def told(self, message: Document) -> Iterator[tuple[str, Document]]:
        yield from (one for one in super().told(message) if one[1]["type"] != "lane_change.consent")


class Slow(Cooperator):
    """Answers that a second later."""

    def _begin(self) -> None:
        super()._begin()
        self._kept: list[tuple[str, Document]] = []
        self._left = LATE_FRAMES

    def told(self, message: Document) -> Iterator[tuple[str, Document]]:
        self._kept += super().told(message)
        yield from ()

    def _has_changed(self, own: Document) -> Iterator[tuple[str, Document]]:
        yield from super()._has_changed(own)
        self._left -= bool(self._kept)
        if self._kept and self._left <= 0:
            yield self._kept.pop()


class Selfish(Cooperator):
    """Gives way to nobody."""

    def say(self, kind: str, **fields: Any) -> tuple[str, Document]:
        is_asked = kind == "lane_change.consent"
        return super().say(kind, **{**fields, "decision": "refused"} if is_asked else fields)


class Stray(Cooperator):
    """Consents to what nobody has asked, besides."""

    def told(self, message: Document) -> Iterator[tuple[str, Document]]:
        for one in super().told(message):
            yield one
            yield self.say("lane_change.consent", answers=77, decision="granted")


class Rubbish(Cooperator):
    """Says what is no message, besides."""

    def told(self, message: Document) -> Iterator[tuple[str, Document]]:
        for one in super().told(message):
            yield one
            yield self.say("lane_change.consent", answers="all of you")


FAULTS: dict[str, type[Cooperator]] = {
    "none": Cooperator,
    "hasty": Hasty,
    "shy": Shy,
    "insistent": Insistent,
    "elsewhere": Elsewhere,
    "mute": Mute,
    "deaf": Deaf,
    "slow": Slow,
    "selfish": Selfish,
    "stray": Stray,
    "rubbish": Rubbish,
}

if __name__ == "__main__":
    fault = sys.argv.pop(1)
    given = wire_parser(f"a device that cooperates wrongly: {fault}").parse_args()
    run(FAULTS[fault](), given)
