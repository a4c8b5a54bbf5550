"""Each topic is looked up once, and another list of topics is another numbering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chelu.bus import Received, TopicLookup, messages_of
from chelu.bus.batch import Messages


def heard(*topics: str) -> Messages:
    return messages_of([Received(topic, b"", 0, 0, 0, None, False, 0) for topic in topics])


def test_a_topic_is_looked_up_once_however_often_it_comes() -> None:
    asked: list[str] = []

    def find(topic: str) -> int:
        asked.append(topic)
        return len(topic)

    lookup, messages = TopicLookup(np.int32, find), heard("a", "bbb", "a", "cc", "bbb")
    assert lookup.of(messages).tolist() == [1, 3, 1, 2, 3]
    assert lookup.of(messages.take(slice(2, 4))).tolist() == [1, 2]
    assert asked == ["a", "bbb", "cc"]


def test_a_list_that_grows_keeps_its_numbers() -> None:
    names = ["a"]
    lookup, one = TopicLookup(np.int32, len), replace(heard("a"), topics=names)
    assert lookup.of(one).tolist() == [1]
    names += ["bb" * number for number in range(1, 50)]
    later = replace(one, topic=np.array([49], np.int32))
    assert lookup.of(later).tolist() == [98]
    assert lookup.of(one).tolist() == [1]


def test_another_list_and_a_change_of_mind_begin_anew() -> None:
    factor = 1
    lookup = TopicLookup(np.int32, lambda topic: factor * len(topic))
    assert lookup.of(heard("a", "bb")).tolist() == [1, 2]
    assert lookup.of(first := heard("ccc", "a")).tolist() == [3, 1]
    factor = 2
    assert lookup.of(first).tolist() == [3, 1]
    lookup.forget()
    assert lookup.of(first).tolist() == [6, 2]
