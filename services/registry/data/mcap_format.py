"""Exports as MCAP: every row as JSON on ``/chelu/{stream}``, and of rows that say where a vehicle is Foxglove's LocationFix.

Topics of places are ``/vehicles/{id}/location``: the device's id of telemetry, the message's own id of BSMs, which a roadside
unit may have heard of many vehicles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chelu import foxglove, mcap_writing
from chelu.messages import BSM, TELEMETRY, Batch, Stream
from services.registry.data import arrow
from services.registry.data.remembered import Remembered
from services.registry.stream_schemas import row_schema

PLACED = frozenset({BSM.name, TELEMETRY.name})
MOST_VEHICLES = 10_000  # with a topic of their own
OTHERS = "/vehicles/others/location"


@dataclass(slots=True)
class Mcap:
    """A chunk of rows a page, and one of places."""

    stream: Stream
    _topics: mcap_writing.Topics = field(default_factory=mcap_writing.Topics)

    @property
    def _rows(self) -> str:
        return f"/chelu/{self.stream.name}"

    def head(self) -> bytes:
        return mcap_writing.opening(self._metadata()) + self._known([self._rows])

    def part(self, batch: Batch, devices: Mapping[int, str], at: int) -> tuple[bytes, bytes]:
        self._known([self._rows])
        numbers = np.full(len(batch), self._topics.number(self._rows), np.uint16)
        texts = arrow.texts_of(arrow.json_texts(self.stream, batch, devices))
        chunks = [mcap_writing.chunk(numbers, batch["time_us"], texts, at)]
        content, topics = chunks[0].content, list[str]()
        if self.stream.name in PLACED:
            topics, places = self._places(batch, devices)
            content += self._known(topics)
            if len(places.time_us):
                numbers = np.array([self._topics.number(name) for name in places.names], np.uint16)[places.vehicle]
                chunks.append(mcap_writing.chunk(numbers, places.time_us, places.texts, at + len(content)))
                content += chunks[-1].content
        return content, _remembered(chunks, topics)

    def resume(self, remembered: Iterable[bytes]) -> None:
        self._known([self._rows])
        for one in remembered:
            self._known(json.loads(one)["topics"])

    def tail(self, at: int, remembered: Remembered) -> Iterator[bytes]:
        chunks = (told for one in remembered.each for told in _told(one))
        return mcap_writing.closing(at, self._topics, chunks, self._metadata())

    def _metadata(self) -> dict[str, dict[str, str]]:
        return {"stream": {"stream": self.stream.name, "row": self.stream.row}}

    def _known(self, topics: Iterable[str]) -> bytes:
        """The records that make topics known that are not yet."""
        return b"".join(
            self._topics.add(topic, f"chelu.{self.stream.name}", row_schema(self.stream))
            if topic == self._rows
            else self._topics.add(topic, foxglove.LOCATION, foxglove.schema_bytes(foxglove.LOCATION))
            for topic in topics
        )

    def _places(self, batch: Batch, devices: Mapping[int, str]) -> tuple[list[str], _Places]:
        """Where vehicles are, and the topics among theirs that are new."""
        batch = batch.take(np.isfinite(batch["latitude_deg"]) & np.isfinite(batch["longitude_deg"]))
        column = batch["vehicle_id"] if self.stream.name == BSM.name else batch["device_key"]
        different, vehicle = np.unique(column, return_inverse=True)
        ids = [f"{one:016x}" if self.stream.name == BSM.name else devices.get(one, "") for one in different.tolist()]
        names, new = list[str](), list[str]()
        for name in (f"/vehicles/{one}/location" for one in ids):
            is_known = name in self._topics.channels
            fits = is_known or len(self._topics.channels) + len(new) <= MOST_VEHICLES
            names.append(name if fits else OTHERS)
            if not is_known and names[-1] not in {*new[-1:], *self._topics.channels}:
                new.append(names[-1])
        return new, _Places(names, vehicle, batch["time_us"], _locations(batch, self.stream))


@dataclass(frozen=True, slots=True)
class _Places:
    """Topics, and of each message which of them, when, and what."""

    names: list[str]
    vehicle: npt.NDArray[np.intp]
    time_us: npt.NDArray[np.int64]
    texts: mcap_writing.Texts


def _locations(batch: Batch, stream: Stream) -> mcap_writing.Texts:
    """`foxglove.location` of whole columns."""
    sigma = batch["semi_major_m"] if stream.name == BSM.name else np.full(len(batch), np.nan)
    is_known = np.isfinite(sigma)
    spread = pa.array(np.where(is_known, sigma, 0.0) ** 2).cast(pa.string())
    altitude = np.where(np.isfinite(batch["elevation_m"]), batch["elevation_m"], 0.0)
    values: Sequence[Any] = (
        pa.array(batch["time_us"] // 1_000_000),
        pa.array(batch["time_us"] % 1_000_000 * 1000),
        pa.array(batch["latitude_deg"]),
        pa.array(batch["longitude_deg"]),
        pa.array(altitude),
        *(spread,) * 2,
        pa.array(is_known.astype(np.uint8)),
    )
    return arrow.texts_of(pc.binary_join_element_wise(*_between(values), ""))


TEMPLATE = (
    f'{{"timestamp": {{"sec": %, "nsec": %}}, "frame_id": "{foxglove.FRAME}", "latitude": %, "longitude": %, "altitude": %, '
    '"position_covariance": [%, 0.0, 0.0, 0.0, %, 0.0, 0.0, 0.0, 0.0], "position_covariance_type": %}'
)


def _between(values: Sequence[Any]) -> list[Any]:
    """The template's texts with the values' between them."""
    first, *rest = TEMPLATE.split("%")
    pieces: list[Any] = [pa.scalar(first)]
    for value, text in zip(values, rest, strict=True):
        pieces += [value.cast(pa.string()), pa.scalar(text)]
    return pieces


def _remembered(chunks: Sequence[mcap_writing.Chunk], topics: Sequence[str]) -> bytes:
    found = [(one.index.hex(), {str(number): count for number, count in one.counts.items()}, one.span_us) for one in chunks]
    return json.dumps({"chunks": found, "topics": list(topics)}).encode()


def _told(remembered: bytes) -> Iterator[mcap_writing.Told]:
    """What `_remembered` wrote of a page's chunks."""
    for index, counts, span_us in json.loads(remembered)["chunks"]:
        by_channel = {int(number): count for number, count in counts.items()}
        yield mcap_writing.Told(bytes.fromhex(index), by_channel, tuple(span_us))
