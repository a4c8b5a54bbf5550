"""The topic table: complete, unambiguous, and the same as its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chelu.topics import TOPICS, Kind, Standard, Topic, find, of_kind, row, uplink_filters
from chelu.topics_page import page

DOCUMENT = Path(__file__).parents[2] / "docs" / "topics.md"
CONCRETE = [(row, kind) for row in TOPICS for kind in row.kinds]

# T/ITS 0180.1-2021, clauses on RSCU and RSU: (topic below the id, the device publishes it).
RSCU = {
    "config/down": False,
    "config/down/ack": True,
    "basic-status/up": True,
    "run-status/up": True,
    "participant/up": True,
    "participant/up/ack": False,
    "event/up": True,
    "event/down": False,
    "traffic/up": True,
    "traffic/down": False,
    "lamp/up": True,
    "v2x/up": True,
    "v2x/down": False,
    "om-config/down": False,
    "query/down": False,
}
RSU = {
    "info/up": True,
    "config/down": False,
    "config/down/ack": True,
    "map/up": True,
    "map/down": False,
    "map/down/ack": True,
    "bsm/up": True,
    "rsm/up": True,
    "rsm/down": False,
    "rsi/up": True,
    "rsi/down": False,
    "rsi/down/ack": True,
    "spat/up": True,
    "spat/down": False,
    "run-status/up": True,
    "versions/up": True,
    "versions/query": False,
    "upgrade/down": False,
    "upgrade/down/ack": True,
    "upgrade-status/up": True,
    "om-config/down": False,
    "om-config/down/ack": True,
    "basic-status/up": True,
}


def matches(filter_: str, topic: str) -> bool:
    """MQTT's own rule (MQTT 5, clause 4.7)."""
    return re.fullmatch(re.escape(filter_).replace(r"\+", "[^/]+").replace(r"/\#", "(/.*)?"), topic) is not None


@pytest.mark.parametrize(("topic", "kind"), CONCRETE, ids=lambda value: getattr(value, "pattern", str(value)))
def test_every_row_is_found_by_its_topics(topic: Topic, kind: Kind) -> None:
    found = find(topic.topic(kind, "Id_1.a-b"))
    assert found is not None
    assert (found.topic, found.kind, found.device) == (topic, kind, "Id_1.a-b")


def test_no_topic_belongs_to_two_rows() -> None:
    topics = [(topic.topic(kind, "x"), topic) for topic, kind in CONCRETE]
    filters = [(filter_, topic) for topic in TOPICS for filter_ in topic.subscriptions() or ("join/+/#",)]
    for concrete, mine in topics:
        assert [other for filter_, other in filters if matches(filter_, concrete)] == [mine], concrete


@pytest.mark.parametrize(("kind", "tails"), [(Kind.RSCU, RSCU), (Kind.RSU, RSU)])
def test_every_row_of_the_standard_is_there(kind: Kind, tails: dict[str, bool]) -> None:
    for tail, from_device in tails.items():
        found = find(f"{kind}/x/{tail}")
        assert found is not None, tail
        assert found.topic.standard is Standard.TITS_0180, tail
        assert found.topic.from_device is from_device, tail


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "rsu",
        "rsu/x",
        "rsu//bsm/up",
        "rsu/x/bsm/up/",
        "/rsu/x/bsm/up",
        "rsu/x/bsm/up\n",
        "RSU/x/bsm/up",
        "tram/x/info/up",
        "obu/x/rsm/up",
        "rsu/+/bsm/up",
        "rsu/#",
        "rsu/a/b/bsm/up",
        "V2X/RSU/x/rsm/up",
        "$SYS/broker/uptime",
        "joined/x/y",
    ],
)
def test_a_topic_outside_the_table_is_not_found(topic: str) -> None:
    assert find(topic) is None


def test_a_stranger_may_say_anything_below_its_serial() -> None:
    for topic in ("join/serial-1", "join/serial-1/hello", "join/serial-1/a/b"):
        found = find(topic)
        assert found is not None
        assert (found.topic.pattern, found.device) == ("join/{id}/#", "serial-1")


def test_a_row_is_found_by_its_pattern() -> None:
    assert all(row(topic.pattern) is topic for topic in TOPICS)
    with pytest.raises(KeyError):
        row("rsu/{id}/nonsense")


def test_every_row_is_of_some_kind_and_of_each_only_once() -> None:
    for kind in Kind:
        up, down = of_kind(kind, from_device=True), of_kind(kind, from_device=False)
        assert not set(up) & set(down)
        assert set(up) | set(down) == {topic for topic in TOPICS if kind in topic.kinds}
    assert len({topic.pattern for topic in TOPICS}) == len(TOPICS)


def test_stored_rows_come_from_devices_and_the_rest_is_not_subscribed_to() -> None:
    assert all(topic.from_device for topic in TOPICS if topic.table)
    filters = uplink_filters()
    for topic, kind in CONCRETE:
        heard = any(matches(filter_, topic.topic(kind, "x")) for filter_ in filters)
        assert heard == (topic.table is not None), topic.pattern
    assert uplink_filters(["bsm"]) == ("rsu/+/bsm/up", "obu/+/bsm/up")


@pytest.mark.parametrize(
    ("pattern", "stream"),
    [("rsu/{id}/bsm/up", "bsm"), ("{kind}/{id}/config/down/ack", "config/ack"), ("{kind}/{id}/state", "state")],
)
def test_a_row_names_its_stream(pattern: str, stream: str) -> None:
    assert row(pattern).stream == stream


def test_the_page_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page(), "write it anew: python -m chelu.topics_page > docs/topics.md"


def test_the_page_has_every_row() -> None:
    lines = page().splitlines()
    for topic in TOPICS:
        assert sum(line.startswith(f"| `{topic.pattern}` |") for line in lines) == 1, topic.pattern


@pytest.mark.parametrize("kind", list(Kind))
def test_under_its_own_id_a_device_says_a_stream_on_one_topic(kind: Kind) -> None:
    streams = [row.stream for row in of_kind(kind, from_device=True) if not row.is_by_serial]
    assert len(set(streams)) == len(streams)
