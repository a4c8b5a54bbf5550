"""Byte streams for the tests of the reader, and paho's own parser over the same bytes as the judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from chelu.bus import packets, wire
from chelu.bus.batch import Bytes, Messages
from chelu.bus.packets import Control
from chelu.bus.reasons import WireError
from chelu.bus.topic_table import TopicTable

Row = tuple[str, bytes, int, int, int | None, bool]  # topic, payload, QoS, packet id, sequence, retained
MOST = 1 << 20


def rows(messages: Messages) -> list[Row]:
    return [(item.topic, item.payload, item.qos, item.mid, item.sequence, item.retained) for item in messages.received()]


def packet(row: Row, version: int) -> bytes:
    topic, payload, qos, packet_id, sequence, retained = row
    return packets.publish(topic, payload, qos=qos, retain=retained, packet_id=packet_id, sequence=sequence, version=version)


def messages() -> st.SearchStrategy[Row]:
    """Topics that share beginnings and lengths, some longer than the table's words; payloads over all sizes of a header."""
    name = st.sampled_from(["a", "obu/o1/bsm/up", "obu/o2/bsm/up", "rsu/r1/bsm/up", "ünï/cödé", "x" * 96, "x" * 97, "y" * 200])
    payload = st.one_of(st.binary(max_size=40), st.integers(100, 300).map(bytes), st.sampled_from([16_380, 20_000]).map(bytes))
    sequence = st.one_of(st.none(), st.integers(0, 10), st.integers(0, (1 << 63) - 1))
    return st.builds(_row, name, payload, st.booleans(), st.integers(1, 65_535), sequence, st.booleans())


def _row(topic: str, payload: bytes, is_numbered: bool, packet_id: int, sequence: int | None, retained: bool) -> Row:
    return topic, payload, int(is_numbered), packet_id if is_numbered else 0, sequence, retained


def padded(stream: bytes) -> Bytes:
    """As a reader takes it, with bytes behind that mean something else."""
    return np.frombuffer(stream + b"\xff" * wire.PADDING, np.uint8)


class Feed:
    """A reader fed piece by piece as a link feeds it."""

    def __init__(self, version: int = packets.MQTT_5, most: int = MOST) -> None:
        self.version, self.most, self.topics = version, most, TopicTable()
        self.rest = b""
        self.rows: list[Row] = []
        self.controls: list[Control] = []
        self.error: WireError | None = None

    def feed(self, piece: bytes) -> None:
        held = self.rest + piece
        portion = wire.read(padded(held), len(held), version=self.version, topics=self.topics, most=self.most)
        self.rows += rows(portion.messages)
        self.controls += portion.controls
        self.error = portion.error
        self.rest = held[portion.consumed :]


class _Bytes:
    """What paho takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def recv(self, count: int) -> bytes:
        piece, self.data = self.data[:count], self.data[count:]
        if not piece:
            raise BlockingIOError
        return piece

    def close(self) -> None:
        return


def by_paho(stream: bytes, version: int = packets.MQTT_5) -> list[Row]:
    """What paho's parser makes of it, packet by packet."""
    found: list[Row] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version), manual_ack=True)
    client.on_message = lambda _client, _userdata, message: found.append(_of_paho(message))
    source = _Bytes(stream)
    client._sock = source  # type: ignore[assignment]  # paho's way in for other transports is wider than needed here
    while source.data:
        assert client._packet_read() in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN)
    client._sock = None
    return found


def _of_paho(message: MQTTMessage) -> Row:
    users: Sequence[tuple[str, str]] = getattr(message.properties, "UserProperty", ())
    sequence = next((int(value) for name, value in users if name == "seq"), None)
    return message.topic, bytes(message.payload), message.qos, message.mid, sequence, message.retain
