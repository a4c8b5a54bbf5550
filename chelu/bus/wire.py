"""A stream of MQTT packets → columns, whole received buffers at a time. Pure; `chelu.bus.link` owns the socket.

Two readers give the same for every stream: a native one in a single pass (`chelu.bus.wire_native`), and one of numpy where that
is not there (`chelu.bus.wire_plain`).
"""

from __future__ import annotations

from chelu import native
from chelu.bus import wire_native, wire_plain
from chelu.bus.batch import Bytes
from chelu.bus.portion import PADDING, Portion
from chelu.bus.topic_table import TopicTable

__all__ = ["PADDING", "Portion", "read"]


def read(
    data: Bytes, end: int, *, version: int, topics: TopicTable, most: int, arrival_us: int = 0, connection: int = 0
) -> Portion:
    """Read the packets that lie whole in ``data[:end]``; most: bytes of the largest remaining length to be taken.

    data goes on for `PADDING` bytes after `end`. It is the messages' data as well, so nothing may be written before `consumed`
    as long as they are in use.
    """
    library = native.library()
    if library is None:
        return wire_plain.read(data, end, version=version, topics=topics, most=most, arrival_us=arrival_us, connection=connection)
    return wire_native.read(
        library, data, end, version=version, topics=topics, most=most, arrival_us=arrival_us, connection=connection
    )
