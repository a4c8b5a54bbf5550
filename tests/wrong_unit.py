"""The example roadside unit with a fault: `python -m tests.wrong_unit FAULT …`, the rest as the example's options."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from simulators.scenario.dut.example import wire_parser
from simulators.scenario.dut.example_roadside import Document, Unit, run

LATE_US = 400_000
DIES_AFTER = 15  # detections


class Late(Unit):
    """Says the same some time later."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Document] = []

    def tell(self, detected: Document) -> Iterator[bytes]:
        self._kept.append(detected)
        while self._kept and self._kept[0]["time_us"] <= detected["time_us"] - LATE_US:
            yield from super().tell(self._kept.pop(0))


class Missing(Unit):
    """Does not see who walks."""

    def tell(self, detected: Document) -> Iterator[bytes]:
        yield from super().tell({**detected, "objects": [one for one in detected["objects"] if one["kind"] != "pedestrian"]})


class Seeing(Unit):
    """Sees somebody who is not there, besides."""

    def tell(self, detected: Document) -> Iterator[bytes]:
        ghost = {**detected["objects"][0], "number": 900, "latitude_deg": detected["objects"][0]["latitude_deg"] + 0.0003}
        yield from super().tell({**detected, "objects": [*detected["objects"], ghost]})


class Stale(Unit):
    """Says for ever what it saw a while ago, as if it were now."""

    def __init__(self) -> None:
        super().__init__()
        self._first: list[Document] | None = None

    def tell(self, detected: Document) -> Iterator[bytes]:
        self._first = self._first or detected["objects"]
        yield from super().tell({**detected, "objects": self._first})


class Slow(Unit):
    """Tells of every other detection only."""

    calls = 0

    def tell(self, detected: Document) -> Iterator[bytes]:
        self.calls += 1
        if self.calls % 2:
            yield from super().tell(detected)


class Inexact(Unit):
    """Is off by three metres."""

    def tell(self, detected: Document) -> Iterator[bytes]:
        objects = [{**one, "latitude_deg": one["latitude_deg"] + 0.000027} for one in detected["objects"]]
        yield from super().tell({**detected, "objects": objects})


class ColourBlind(Unit):
    """Says red for green."""

    def tell(self, detected: Document) -> Iterator[bytes]:
        yield from super().tell({**detected, "lights": [{**one, "shows": "red"} for one in detected["lights"]]})


class Rubbish(Unit):
    """Says what is no frame, besides."""

    def tell(self, detected: Document) -> Iterator[bytes]:
        yield from super().tell(detected)
        yield b"\xf0no frame"


class Dies(Unit):
    """Dies in mid-run, without a word."""

    calls = 0

    def tell(self, detected: Document) -> Iterator[bytes]:
        self.calls += 1
        if self.calls == DIES_AFTER:
            os._exit(1)
        yield from super().tell(detected)


FAULTS: dict[str, type[Unit]] = {
    "none": Unit,
    "late": Late,
    "missing": Missing,
    "false": Seeing,
    "stale": Stale,
    "slow": Slow,
    "inexact": Inexact,
    "colour-blind": ColourBlind,
    "rubbish": Rubbish,
    "dies": Dies,
}

if __name__ == "__main__":
    fault = sys.argv.pop(1)
    given = wire_parser(f"a roadside unit that is wrong: {fault}").parse_args()
    run(FAULTS[fault](), given.hears, given.says)
