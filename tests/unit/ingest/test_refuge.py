"""What waits in memory while a batch is in doubt: QoS 1 unacknowledged, QoS 0 counted, and what is nobody's neither."""

from __future__ import annotations

from collections import Counter
from typing import cast

import numpy as np
import numpy.typing as npt

from chelu.bus import BulkSession, Messages, Received, messages_of
from services.ingest.labelled import NOBODYS, Labelled
from services.ingest.refuge import Refuge
from services.ingest.store_room import StoreRoom

DOWNLINK = "obu/o1/warning/down"


class Broker:
    """Stands for the session: which packets were acknowledged."""

    connections = 1

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def acknowledge(self, messages: Messages) -> None:
        self.acknowledged += messages.packet_id[messages.qos > 0].tolist()


class FullRoom:
    """A spool without any room."""

    def keep(self, labelled: Labelled, *, batch_id: int | None, lost: Counter[str]) -> npt.NDArray[np.bool_]:
        del batch_id
        lost.update(labelled.take(labelled.messages.qos == 0).count())
        return np.asarray(labelled.messages.qos > 0)


def label(messages: Messages) -> Labelled:
    is_down = np.array([messages.topics[number] == DOWNLINK for number in messages.topic], np.bool_)
    return Labelled(messages, np.where(is_down, NOBODYS, 0).astype(np.int32), ("event",))


def message(packet_id: int, topic: str = "obu/o1/event/up") -> Received:
    qos = int(packet_id > 0)
    return Received(topic, b"{}", qos, arrival_us=0, mid=packet_id, sequence=None, retained=False, connection=1)


def refuge_of(broker: Broker) -> Refuge:
    return Refuge(cast("StoreRoom", FullRoom()), cast("BulkSession", broker), label)


def test_downlinks_that_come_while_others_wait_are_acknowledged() -> None:
    broker = Broker()
    refuge = refuge_of(broker)
    refuge.doubt(7, messages_of([message(1)]), Counter())
    refuge.keep(messages_of([message(2), message(3, DOWNLINK), message(0)]))
    assert broker.acknowledged == [3]
    assert (refuge.held, refuge.lost) == (2, Counter({"event": 1}))


def test_downlinks_without_room_are_acknowledged() -> None:
    broker = Broker()
    refuge = refuge_of(broker)
    refuge.keep(messages_of([message(2), message(3, DOWNLINK), message(0)]))
    assert broker.acknowledged == [3]
    assert (refuge.held, refuge.lost) == (1, Counter({"event": 1}))
