"""The example roadside unit with a fault: `python -m tests.wrong_unit FAULT …`, the rest as the example's options."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from chelu.codec import cv2x
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


class Given(Unit):
    """Is given to tell of its road otherwise than it should."""

    def obey(self, command: Document) -> Iterator[bytes]:
        if command.get("action") == "ready":
            command = {**command, "maps": self.maps(command["maps"]), "events": self.events(command["events"])}
        yield from super().obey(command)

    def maps(self, maps: list[str]) -> list[str]:
        return maps

    def events(self, events: list[Document]) -> list[Document]:
        return events


class Mapless(Given):
    """Sends no MAP."""

    def maps(self, maps: list[str]) -> list[str]:
        return []


class Mismapped(Given):
    """Its MAP has the signal's node a metre further west."""

    def maps(self, maps: list[str]) -> list[str]:
        found = []
        for document in (cv2x.to_json(bytes.fromhex(one)) for one in maps):
            for node in document["nodes"]:
                place = node["reference_position"]
                node["reference_position"] = {**place, "longitude_deg": round(place["longitude_deg"] - 0.00001, 7)}
            found.append(cv2x.from_json(document).hex())
        return found


class Misplaces(Given):
    """Tells of events some 11 m further north."""

    def events(self, events: list[Document]) -> list[Document]:
        def moved(point: Document) -> Document:
            return {**point, "latitude_deg": point["latitude_deg"] + 0.0001}

        return [
            {**one, "place": one["place"] and moved(one["place"]), "path": [moved(each) for each in one["path"]]}
            for one in events
        ]


class Forgets(Given):
    """Tells of the first event only."""

    def events(self, events: list[Document]) -> list[Document]:
        return events[:1]


class Mistakes(Given):
    """Tells of an accident, besides."""

    def events(self, events: list[Document]) -> list[Document]:
        return [*events, {**events[0], "number": 99, "code": 100}]


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
    "mapless": Mapless,
    "mismapped": Mismapped,
    "misplaces": Misplaces,
    "forgets": Forgets,
    "mistakes": Mistakes,
    "dies": Dies,
}

if __name__ == "__main__":
    fault = sys.argv.pop(1)
    run(FAULTS[fault](), wire_parser(f"a roadside unit that is wrong: {fault}").parse_args())
