"""The broker's access list, judged by mosquitto's rules."""

from __future__ import annotations

import re
import string

import pytest

from chelu.errors import ConfigurationError
from chelu.topics import TOPICS, Kind
from services.registry.rights import ROLES, Child, Speaker, acl_lines, device_patterns

CHILDREN = [Child("gateway-1", Kind.OBU, "obu-1"), Child("gateway-1", Kind.RSU, "rsu-1"), Child("gateway-2", Kind.OBU, "obu-2")]

SPEAKERS = [Speaker("rsu-9", "R328328"), Speaker("gateway-1", "R328328")]


def may(user: str, access: str, topic: str, lines: list[str]) -> bool:
    """Whether mosquitto lets `user` read or write a topic: its own lines, or a pattern's (mosquitto.conf(5), acl_file)."""
    owner = None
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "user":
            owner = rest
            continue
        granted, filter_ = rest.split(" ", 1)
        if word == "topic" and owner != user:
            continue
        pattern = re.escape(filter_.replace("%u", user)).replace(r"\+", "[^/]+").replace(r"/\#", "(/.*)?")
        if granted in {access, "readwrite"} and re.fullmatch(pattern, topic):
            return True
    return False


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(acl_lines(ROLES, CHILDREN, speakers=SPEAKERS))


@pytest.mark.parametrize("row", [row for row in TOPICS if row.kinds and not row.is_by_serial], ids=lambda row: row.pattern)
def test_a_device_has_its_own_rows_in_their_own_direction(row: object, lines: list[str]) -> None:
    for kind in row.kinds:  # type: ignore[attr-defined]
        own, foreign = row.topic(kind, "dev-1"), row.topic(kind, "dev-2")  # type: ignore[attr-defined]
        granted, denied = ("write", "read") if row.from_device else ("read", "write")  # type: ignore[attr-defined]
        assert may("dev-1", granted, own, lines)
        assert not may("dev-1", denied, own, lines)
        assert not may("dev-1", granted, foreign, lines)


def test_the_list_does_not_grow_with_devices(lines: list[str]) -> None:
    assert len(list(device_patterns())) == sum(len(row.kinds) for row in TOPICS if not row.is_by_serial)
    assert all("%u" in line for line in device_patterns())


def test_a_gateway_has_its_childrens_topics_and_no_others(lines: list[str]) -> None:
    for topic in ("obu/obu-1/bsm/up", "rsu/rsu-1/spat/up", "V2X/RSU/R328328/RSM/UP"):
        assert may("gateway-1", "write", topic, lines)
    assert may("gateway-1", "read", "obu/obu-1/warning/down", lines)
    for topic in ("obu/obu-2/bsm/up", "rsu/obu-1/bsm/up", "obu/obu-11/bsm/up", "obu/rsu-1/bsm/up"):
        assert not may("gateway-1", "write", topic, lines)
    assert may("gateway-1", "write", "gateway/gateway-1/heartbeat/up", lines)


@pytest.mark.parametrize("row", [row for row in TOPICS if row.is_by_serial], ids=lambda row: row.pattern)
def test_an_openv2x_roadside_writes_under_its_esn_and_no_id_is_one(row: object, lines: list[str]) -> None:
    topic = row.topic(Kind.RSU, "R328328")  # type: ignore[attr-defined]
    assert {user for user in ("rsu-9", "gateway-1", "gateway-2", "R328328", "dev-1") if may(user, "write", topic, lines)} == {
        "rsu-9",
        "gateway-1",
    }
    assert not may("rsu-9", "read", topic, lines)
    assert not may("rsu-9", "write", row.topic(Kind.RSU, "rsu-9"), lines)  # type: ignore[attr-defined]


def test_services_have_what_they_need_and_not_more(lines: list[str]) -> None:
    may_write = {
        "ingest": {"obu/x/receipt/down", "rscu/x/participant/up/ack", "rscu/x/lamp/up/ack"},
        "inference": {"obu/x/warning/down", "rsu/x/warning/down", "site/hillside/picture"},
        "registry": {"obu/x/config/down", "signal/x/command/down", "rsu/x/map/down", "rscu/x/event/down"},
        "console": set(),
    }
    for topic in set().union(*may_write.values()) | {"obu/x/bsm/up", "site/hillside/other", "$SYS/x"}:
        assert {user for user in may_write if may(user, "write", topic, lines)} == {
            user for user, topics in may_write.items() if topic in topics
        }


def test_only_console_and_registry_hear_what_the_broker_says_of_itself(lines: list[str]) -> None:
    users = [line.removeprefix("user ") if line.startswith("user ") else "" for line in lines]
    at = [index for index, line in enumerate(lines) if line == "topic read $SYS/#"]
    assert [next(user for user in reversed(users[:index]) if user) for index in at] == ["console", "registry"]


def test_ingest_hears_all_that_devices_say_and_inference_the_messages(lines: list[str]) -> None:
    for row in TOPICS:
        for kind in row.kinds if row.from_device else ():
            assert may("ingest", "read", row.topic(kind, "x"), lines)
    assert may("ingest", "read", "join/serial/hello", lines)
    assert may("ingest", "read", "rsu/x/nonsense/up", lines)
    assert not may("ingest", "read", "site/hillside/picture", lines)
    for topic in ("obu/x/bsm/up", "rsu/x/rsm/up", "rsu/x/spat/up", "rsu/x/map/up"):
        assert may("inference", "read", topic, lines)


def test_an_account_without_a_role_is_refused_by_name() -> None:
    with pytest.raises(
        ConfigurationError, match="accounts_file = 'root' is not allowed: a service account is one of console, inf"
    ):
        list(acl_lines(["root"], []))


def test_lines_are_the_same_whatever_the_order_of_what_is_given() -> None:
    assert list(acl_lines(sorted(ROLES), CHILDREN)) == list(acl_lines(sorted(ROLES, reverse=True), CHILDREN[::-1]))


def test_every_line_is_of_mosquittos_grammar(lines: list[str]) -> None:
    allowed = set(string.ascii_letters + string.digits + "_.-+/#%$ ")
    for line in lines:
        assert re.fullmatch(r"user \S+|(topic|pattern) (read|write|readwrite) \S+", line)
        assert set(line) <= allowed


def test_each_worker_of_ingest_has_the_rights_of_ingest_and_no_other_name_has() -> None:
    of_one, of_two = (list(acl_lines([account], []))[1:] for account in ("ingest", "ingest-16"))
    assert of_one == of_two
    for account in ("ingest-1", "ingest-17", "ingest-", "ingest-2x", "registry-2"):
        with pytest.raises(ConfigurationError):
            list(acl_lines([account], []))
