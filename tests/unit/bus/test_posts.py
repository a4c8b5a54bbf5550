"""Many messages laid out at once are the packets that are written one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.bus import Posts, TopicNames
from chelu.bus.packets import MQTT_3, MQTT_5, publish
from chelu.bus.posts import laid_out
from chelu.messages import frames_of

TOPICS = TopicNames.of(["a", "obu/x/bsm/up", "路/é", "t" * 200])


def posts(messages: list[tuple[int, bytes]]) -> Posts:
    frames = frames_of([payload for _, payload in messages], 0)
    return Posts(TOPICS, np.array([topic for topic, _ in messages], np.int64), frames.data, frames.start, frames.stop)


def one_by_one(messages: list[tuple[int, bytes]], version: int) -> bytes:
    return b"".join(
        publish(TOPICS.names[topic], payload, qos=0, retain=False, packet_id=0, version=version) for topic, payload in messages
    )


@pytest.mark.parametrize("version", [MQTT_3, MQTT_5])
@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=300))))
def test_packets_are_those_written_one_by_one(version: int, messages: list[tuple[int, bytes]]) -> None:
    assert laid_out(posts(messages), version=version) == one_by_one(messages, version)


@pytest.mark.parametrize("size", [123, 124, 125, 126, 16_379, 16_380, 16_381, 2_097_140, 2_097_160])
def test_remaining_lengths_of_every_width_are_right(size: int) -> None:
    messages = [(0, bytes(size)), (1, b"x")]
    assert laid_out(posts(messages), version=MQTT_5) == one_by_one(messages, MQTT_5)
