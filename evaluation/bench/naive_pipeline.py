"""The plain way to store BSMs: a paho callback for each message, asn1tools, `executemany` now and then.

Run by `evaluation.bench.naive` as ``python -m evaluation.bench.naive_pipeline``, with the broker in CHELU_MQTT_URL and the
database in CHELU_DATABASE_URL. Prints "ready", and from then on after every transaction the wall clock in µs and how many rows
are stored so far. It keeps fewer columns than ingest, checks nothing and keeps no books.
"""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from chelu.codec.cv2x_spec import spec

ROWS = 1000  # of a transaction, at most
AGE_S = 0.1
TABLE = """CREATE TABLE IF NOT EXISTS public.naive_bsm (topic text, arrival timestamptz, message_count smallint, vehicle_id bytea,
    sec_mark integer, latitude integer, longitude integer, elevation integer, speed integer, heading integer, transmission text,
    acceleration_long integer, acceleration_lat integer, acceleration_vert integer, yaw integer, width integer, length integer)"""
INSERT = """INSERT INTO public.naive_bsm
    VALUES (%s, to_timestamp(%s), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
FILTER = "obu/+/bsm/up"


class Pipeline:
    """Owned by the one thread that calls paho's loop."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self._decode = connection, spec().slow.decode
        self._rows: list[tuple[Any, ...]] = []
        self._stored, self._written_s = 0, time.monotonic()

    def on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        """Decode and keep."""
        self._rows.append((message.topic, time.time(), *values(self._decode(bytes(message.payload)))))
        if len(self._rows) >= ROWS:
            self.write()

    def tick(self) -> None:
        """Write what has waited for long enough."""
        if self._rows and time.monotonic() - self._written_s > AGE_S:
            self.write()

    def write(self) -> None:
        """One transaction."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(INSERT, self._rows)
        self._stored += len(self._rows)
        self._rows, self._written_s = [], time.monotonic()
        print(time.time_ns() // 1000, self._stored, flush=True)


def values(decoded: tuple[str, dict[str, Any]]) -> tuple[Any, ...]:
    """The columns of a decoded MessageFrame's BSM, as they are on the wire."""
    bsm = decoded[1]
    place, motion, size = bsm["pos"], bsm["accelSet"], bsm["size"]
    return (
        *(bsm["msgCnt"], bsm["id"], bsm["secMark"], place["lat"], place["long"], place.get("elevation")),
        *(bsm.get("speed"), bsm.get("heading"), str(bsm.get("transmission"))),
        *(motion["long"], motion["lat"], motion["vert"], motion["yaw"], size["width"], size.get("length")),
    )


def main() -> None:
    """Until killed."""
    address = urlsplit(os.environ["CHELU_MQTT_URL"])
    with psycopg.connect(os.environ["CHELU_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(TABLE)
        pipeline = Pipeline(connection)
        client = Client(CallbackAPIVersion.VERSION2, client_id=address.username or "", protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
        client.on_message = pipeline.on_message

        def on_connect(client: Client, *_: object) -> None:
            client.subscribe(FILTER)

        def on_subscribe(*_: object) -> None:
            print("ready", flush=True)

        client.on_connect, client.on_subscribe = on_connect, on_subscribe
        client.connect(address.hostname or "", address.port or 1883)
        while True:
            client.loop(0.02)
            pipeline.tick()


if __name__ == "__main__":
    main()
