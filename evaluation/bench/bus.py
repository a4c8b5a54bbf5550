"""Receiving: from a recorded byte stream on loopback, ours against paho's callbacks and against a reader that only counts bytes.

"bytes → messages" is a whole session: connection, thread, inbox and `drain`. "the reader alone" is the same parser in the reading
thread.

The stream is what a broker would send: single BSMs of design §5's mix, on the topics of 500 units, in an order of no pattern.
"""

from __future__ import annotations

import select
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from chelu.bus import BulkSession, packets
from chelu.bus.batch import Messages
from chelu.bus.intake import Intake
from chelu.clock import SystemClock
from chelu.codec import cv2x
from chelu.codec.cv2x_spec import spec
from chelu.local.broker import find_mosquitto
from chelu.local.mosquitto import Configuration, program
from chelu.local.ports import free_port
from chelu.local.supervisor import Supervisor
from chelu.messages import Frames
from evaluation.bench import codec
from evaluation.bench.recording import RAW, served
from evaluation.bench.report import Rates, Ratio, interleaved

SEED = 1883
UNITS = 500
SHAPES = 4096
BUFFER = 1 << 18
TIMES = 10  # the stream so many times over, that neither side measures how long it takes to connect
PAHO_SHARE, SLOW_SHARE = 20, 400  # of the stream once, paho gets that part, paho with asn1tools that part
MOST = 1 << 20
BATCH = 50_000
BEHIND = 80_000  # fewer than mosquitto queues for a slow client (chelu.local.mosquitto)


def run(*, quick: bool) -> list[Ratio]:
    """Messages per second."""
    count, rounds = (40_000, 3) if quick else (400_000, 7)
    stream = recorded(count)
    size, whole = TIMES * sum(map(len, stream)), TIMES * count
    slow = spec().slow.decode
    with served(stream, TIMES) as port:
        ours, alone, plain, limit, columns, naive = interleaved(
            lambda: _session(port, whole),
            lambda: _read(port, whole),
            lambda: _paho(port, count // PAHO_SHARE, lambda _: None),
            lambda: _count_bytes(port, size) and whole,
            lambda: _decode(port, count),
            lambda: _paho(port, count // SLOW_SHARE, slow),
            rounds=rounds,
        )
    behind, beside = _behind_mosquitto(stream[:BEHIND], rounds=min(rounds, 5))
    return [
        Ratio("receive: bytes → messages", ours, "paho callbacks", plain, "messages", 10, "receive_vs_paho"),
        Ratio("receive: bytes → messages", ours, "counting bytes", limit, "messages", 0.6, "receive_vs_raw_socket"),
        Ratio("receive: the reader alone", alone, "counting bytes", limit, "messages", None),
        Ratio("receive behind mosquitto", behind, "paho callbacks", beside, "messages", None),
        Ratio("BSM from wire to columns", columns, "paho + asn1tools", naive, "messages", None),
    ]


def recorded(count: int) -> list[bytes]:
    """`count` PUBLISH packets as a broker sends them to an MQTT 5 subscriber of QoS 0."""
    random = np.random.default_rng(SEED)
    frames = codec.example(SHAPES)
    payloads = [frames.frame(row) for row in range(SHAPES)]
    heads = [f"obu/obu-{unit:05d}/bsm/up" for unit in range(UNITS)]
    shapes, units = random.integers(0, SHAPES, count).tolist(), random.integers(0, UNITS, count).tolist()
    return [
        packets.publish(heads[unit], payloads[shape], qos=0, retain=False, packet_id=0)
        for unit, shape in zip(units, shapes, strict=True)
    ]


def portions(port: int, count: int) -> Iterator[Messages]:
    """What the reader finds in each buffer of the recorded stream, without a session's thread and inbox."""
    intake, found = Intake(version=packets.MQTT_5, most=MOST, connection=1, wall_us=SystemClock().wall_us), 0
    with closing(socket.create_connection(("127.0.0.1", port))) as client:
        client.sendall(RAW)
        client.settimeout(0)
        while found < count:
            select.select([client], [], [])
            messages = intake.take(client)[1].messages
            found += len(messages)
            yield messages


def _behind_mosquitto(stream: list[bytes], *, rounds: int) -> tuple[Rates, ...]:
    """Publish → handed over, with a broker between: publisher, broker and receiver share the machine."""
    found = find_mosquitto()
    port, supervisor = free_port(), Supervisor(SystemClock())
    with tempfile.TemporaryDirectory(prefix="chelu-bench-") as name:
        directory = Path(name)
        configuration, log = Configuration(port=port), directory / "log"
        file = directory / "mosquitto.conf"
        try:
            supervisor.start(program(found.executable, configuration, file=file, log=log, libraries=found.environment))
            few = stream[: len(stream) // PAHO_SHARE]
            ours, plain = interleaved(
                lambda: _session(port, len(stream), lambda: _publish(port, stream)),
                lambda: _paho(port, len(few), lambda _: None, lambda: _publish(port, few)),
                rounds=rounds,
            )
        finally:
            supervisor.close()
    return ours, plain


def _publish(port: int, stream: list[bytes]) -> None:
    """Publish everything over a raw connection, from a thread that only waits for the socket."""

    def work() -> None:
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            hello = packets.Connect(version=packets.MQTT_5, client_id="bench-source", keepalive_s=0, clean=True)
            client.sendall(hello.encode())
            client.recv(4096)
            client.sendall(b"".join(stream) + packets.PINGREQ)
            client.recv(4096)  # it has read everything

    threading.Thread(target=work, daemon=True).start()


def _session(port: int, count: int, begin: Callable[[], None] = lambda: None) -> int:
    """A session as a service has it; nothing may be dropped, so its inbox takes the whole stream."""
    session = BulkSession(
        f"mqtt://127.0.0.1:{port}",
        client_id="bench",
        clock=SystemClock(),
        subscriptions=[("#", 0)],
        inbox_limit=count,
        inbox_bytes=count * MOST,
    )
    session.start()
    session.wait_connected(10)
    begin()
    found = 0
    while found < count:
        taken = len(session.drain(BATCH, 10.0))
        if not taken:
            raise ValueError(f"{found} of {count} messages came")
        found += taken
    session.stop(flush_s=0)
    if session.inbox_dropped:
        raise ValueError(f"{session.inbox_dropped} messages were dropped")
    return found


def _read(port: int, count: int) -> int:
    return sum(len(messages) for messages in portions(port, count))


def _decode(port: int, count: int) -> int:
    rows = found = 0
    for messages in portions(port, count):
        total = len(messages)
        found += total
        source = np.arange(total, dtype=np.int32)
        decoded = cv2x.decode(Frames(messages.data, messages.start, messages.stop, messages.arrival_us, source))
        rows += len(decoded.bsm)
    if rows != found:
        raise ValueError(f"{rows} rows of {found} messages")
    return rows


def _count_bytes(port: int, size: int) -> int:
    buffer, found = bytearray(BUFFER), 0
    with closing(socket.create_connection(("127.0.0.1", port))) as client:
        client.sendall(RAW)
        while found < size:
            found += client.recv_into(buffer)
    return found


def _paho(port: int, count: int, work: Callable[[bytes], object], begin: Callable[[], None] = lambda: None) -> int:
    """The way of paho as its documentation shows it: a callback for each message, called by its loop."""
    found = 0

    def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        nonlocal found
        work(bytes(message.payload))
        found += len(message.topic) > 0

    def on_connect(client: Client, *_: object) -> None:
        client.subscribe("#")

    client = Client(CallbackAPIVersion.VERSION2, client_id="bench", protocol=MQTTProtocolVersion.MQTTv5)

    def on_subscribe(*_: object) -> None:
        begin()

    client.on_subscribe = on_subscribe
    client.on_connect, client.on_message = on_connect, on_message
    client.connect("127.0.0.1", port)
    while found < count:
        client.loop()
    client.disconnect()
    return found
