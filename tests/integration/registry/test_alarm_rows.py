"""What becomes of alarms, on a real database, with the time as an argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from chelu.store import migrate
from services.registry.alarms import deliveries, rows
from services.registry.alarms.rows import Finding
from services.registry.alarms.rules import Scope
from services.registry.prepare import MIGRATIONS
from tests import processor

S = 1_000_000
NOW = 1_800_000_000 * S
SITE = "hillside"
KIND = "clock-skew"  # after 15 s, until 30 s after
MANY = 10_000
BOUND_S = 3.0


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[DictRow]]:
    """A register with a site and two devices."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        migrate(connection, "register", MIGRATIONS)
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES (%s, '', 0, 0)", (SITE,)
        )
        add = "INSERT INTO register.device (device_id, kind, site_id) VALUES ('obu-1', 'obu', %s), ('rsu-1', 'rsu', %s)"
        connection.execute(add, (SITE, SITE))
        connection.commit()
        yield connection


def say(connection: Connection[DictRow], second: float, *, is_so: bool, subject: str = "obu-1", **more: Any) -> str | None:
    """Say at a second whether it is so, and answer what has become of the newest alarm about it."""
    now_us = NOW + round(second * S)
    if is_so:
        rows.raise_alarm(connection, KIND, subject, site_id=SITE, now_us=now_us, **more)
    else:
        rows.clear_alarm(connection, KIND, subject, site_id=SITE, now_us=now_us)
    return state(connection, subject)


def state(connection: Connection[DictRow], subject: str = "obu-1") -> str | None:
    row = connection.execute("SELECT state FROM register.alarm WHERE subject = %s ORDER BY alarm_id DESC", (subject,)).fetchone()
    return row["state"] if row else None


def events(connection: Connection[DictRow]) -> list[tuple[str, str]]:
    found = connection.execute(
        "SELECT subject, event FROM register.alarm_event JOIN register.alarm USING (alarm_id) ORDER BY event_id"
    )
    return [(row["subject"], row["event"]) for row in found]


def settle(connection: Connection[DictRow], second: float) -> str | None:
    rows.settle(connection, now_us=NOW + round(second * S))
    return state(connection)


def test_an_alarm_is_raised_and_cleared_with_patience(connection: Connection[DictRow]) -> None:
    assert say(connection, 0, is_so=True) == "pending"
    assert settle(connection, 14.9) == "pending"
    assert settle(connection, 15) == "raised"
    assert say(connection, 20, is_so=False) == "clearing"
    assert settle(connection, 49.9) == "clearing"
    assert settle(connection, 50) == "cleared"
    assert events(connection) == [("obu-1", "raised"), ("obu-1", "cleared")]


def test_what_flickers_is_no_alarm_or_one(connection: Connection[DictRow]) -> None:
    for second in range(0, 60, 10):  # ten seconds so, ten not: never long enough
        say(connection, second, is_so=second % 20 == 0)
    assert events(connection) == []
    say(connection, 60, is_so=True)
    settle(connection, 75)
    for second in range(80, 200, 20):  # never over for long enough
        assert say(connection, second, is_so=False) == "clearing"
        assert say(connection, second + 10, is_so=True) == "raised"
    assert events(connection) == [("obu-1", "raised")]


def test_saying_it_again_changes_nothing_but_the_detail(connection: Connection[DictRow]) -> None:
    for second in range(40):
        say(connection, second, is_so=True, detail={"seconds": second})
        settle(connection, second)
    found = connection.execute("SELECT * FROM register.alarm").fetchall()
    assert [(row["state"], row["detail"], row["since"].timestamp()) for row in found] == [("raised", {"seconds": 39}, NOW / S)]


def test_parts_and_subjects_are_alarms_of_their_own(connection: Connection[DictRow]) -> None:
    for subject, part in (("obu-1", ""), ("obu-1", "gnss"), ("rsu-1", ""), ("a place", "")):
        rows.raise_alarm(connection, "offline", subject, site_id=SITE, now_us=NOW, part=part)
    assert [state(connection, subject) for subject in ("obu-1", "rsu-1", "a place")] == ["raised"] * 3
    rows.clear_alarm(connection, "offline", "obu-1", site_id=SITE, part="gnss", now_us=NOW)
    found = connection.execute("SELECT state, count(*) AS n FROM register.alarm GROUP BY state ORDER BY state").fetchall()
    assert [(row["state"], row["n"]) for row in found] == [("clearing", 1), ("raised", 3)]


def test_the_same_on_two_sites_and_on_none_are_alarms_of_their_own(connection: Connection[DictRow]) -> None:
    connection.execute(
        "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('dale', '', 0, 0), ('glen', '', 0, 0)"
    )
    for site_id in (SITE, "dale", None, None):
        rows.raise_alarm(connection, "intruder", "oval", site_id=site_id, part="oval", now_us=NOW)
    rows.clear_alarm(connection, "intruder", "oval", site_id="dale", part="oval", now_us=NOW)
    rows.clear_alarm(connection, "intruder", "oval", site_id="glen", part="oval", now_us=NOW)
    found = connection.execute("SELECT site_id, state FROM register.alarm ORDER BY alarm_id").fetchall()
    assert [tuple(row.values()) for row in found] == [(SITE, "raised"), ("dale", "cleared"), (None, "raised")]


def window(
    connection: Connection[DictRow], start: int, stop: int, device_id: str | None = None, kinds: list[str] | None = None
) -> None:
    add = """INSERT INTO register.maintenance (site_id, device_key, kinds, starts, ends, created_by)
        SELECT %s, (SELECT device_key FROM register.device WHERE device_id = %s), %s, to_timestamp(%s), to_timestamp(%s), 'me'"""
    connection.execute(add, (SITE, device_id, kinds, NOW // S + start, NOW // S + stop))


def test_maintenance_keeps_alarms_from_being_raised_until_it_ends(connection: Connection[DictRow]) -> None:
    window(connection, 0, 100)
    assert say(connection, 0, is_so=True) == "pending"
    assert settle(connection, 99) == "pending"
    assert events(connection) == []
    assert settle(connection, 100) == "raised"


def test_what_was_over_before_maintenance_was_never_was(connection: Connection[DictRow]) -> None:
    window(connection, 0, 100)
    say(connection, 0, is_so=True)
    settle(connection, 50)
    assert say(connection, 60, is_so=False) is None
    assert settle(connection, 100) is None
    assert events(connection) == []


def test_maintenance_is_for_whom_and_what_it_says(connection: Connection[DictRow]) -> None:
    window(connection, 0, 100, "obu-1")
    window(connection, 0, 100, None, ["offline"])
    window(connection, -100, 0)
    for subject in ("obu-1", "rsu-1", "an area"):
        say(connection, 0, is_so=True, subject=subject)
    settle(connection, 20)
    assert [state(connection, subject) for subject in ("obu-1", "rsu-1", "an area")] == ["pending", "raised", "raised"]


def test_thresholds_count_for_what_is_raised_and_switch_it_off(connection: Connection[DictRow]) -> None:
    add = """INSERT INTO register.threshold (kind, site_id, device_kind, raise_after_s, severity, is_enabled) VALUES
        (%s, %s, NULL, 0, 'critical', NULL), (%s, NULL, 'rsu', NULL, NULL, false)"""
    connection.execute(add, (KIND, SITE, KIND))
    assert say(connection, 0, is_so=True) == "raised"
    assert say(connection, 0, is_so=True, subject="rsu-1") is None
    row = connection.execute("SELECT severity FROM register.alarm").fetchone()
    assert row is not None
    assert row["severity"] == "critical"


def test_an_alarm_is_acknowledged_and_cleared_by_hand_once(connection: Connection[DictRow]) -> None:
    rows.raise_alarm(connection, "offline", "obu-1", site_id=SITE, now_us=NOW)
    row = connection.execute("SELECT alarm_id FROM register.alarm").fetchone()
    assert row is not None
    alarm_id = row["alarm_id"]
    connection.execute("SELECT set_config('chelu.actor', 'wang', true)")
    assert rows.acknowledge(connection, alarm_id, actor="wang", comment="seen", now_us=NOW + S)
    assert rows.clear_by_hand(connection, alarm_id, comment="", now_us=NOW + 2 * S)
    assert not rows.clear_by_hand(connection, alarm_id, comment="", now_us=NOW + 3 * S)
    assert not rows.acknowledge(connection, alarm_id, actor="wang", comment="again", now_us=NOW + 3 * S)
    found = connection.execute("SELECT event, actor, comment FROM register.alarm_event ORDER BY event_id").fetchall()
    assert [(one["event"], one["comment"]) for one in found] == [("raised", ""), ("acknowledged", "seen"), ("cleared", "")]
    assert [one["actor"] for one in found][1:] == ["wang", "wang"]
    audited = connection.execute(
        "SELECT actor, after ->> 'comment' AS comment FROM register.audit WHERE what = 'alarm'"
    ).fetchall()
    assert audited == [{"actor": "wang", "comment": "seen"}]


def test_what_happened_is_put_in_line_for_whoever_wants_it(connection: Connection[DictRow]) -> None:
    add = """INSERT INTO register.webhook (name, url, secret, site_id, least, kinds, is_enabled) VALUES
        ('all', 'http://x', 's', NULL, 'info', NULL, true), ('off', 'http://x', 's', NULL, 'info', NULL, false),
        ('grave', 'http://x', 's', NULL, 'critical', NULL, true), ('clocks', 'http://x', 's', NULL, 'info', '{clock-skew}', true),
        ('here', 'http://x', 's', %s, 'major', '{offline}', true)"""
    connection.execute(add, (SITE,))
    rows.raise_alarm(connection, "offline", "obu-1", site_id=SITE, now_us=NOW, value=4.0, detail={"reason": "silent"})
    found = connection.execute("SELECT webhook, body FROM register.delivery ORDER BY webhook").fetchall()
    assert [row["webhook"] for row in found] == ["all", "here"]
    body = found[0]["body"]
    assert (body["event"], body["kind"], body["subject"], body["at_us"]) == ("raised", "offline", "obu-1", NOW)
    assert (body["value"], body["bound"], body["detail"]) == (4.0, 3.0, {"reason": "silent"})


def test_a_webhook_hears_in_order_and_is_given_up_in_the_end(connection: Connection[DictRow]) -> None:
    connection.execute("INSERT INTO register.webhook (name, url, secret) VALUES ('desk', 'http://x', 's')")
    rows.raise_alarm(connection, "offline", "obu-1", site_id=SITE, now_us=NOW)
    rows.raise_alarm(connection, "offline", "rsu-1", site_id=SITE, now_us=NOW)
    (first,) = deliveries.heads(connection, [], now_us=NOW)
    assert first.body["subject"] == "obu-1"
    deliveries.note_failed(connection, first, "503", now_us=NOW)
    assert deliveries.heads(connection, [], now_us=NOW + S) == [], "the second does not overtake the first"
    now_us = NOW
    for _ in range(deliveries.MOST_ATTEMPTS - 1):
        now_us += round(deliveries.LONGEST_WAIT_S * S)
        (due,) = deliveries.heads(connection, [], now_us=now_us)
        assert due.delivery_id == first.delivery_id
        deliveries.note_failed(connection, due, "503", now_us=now_us)
    (second,) = deliveries.heads(connection, [], now_us=now_us)
    assert second.body["subject"] == "rsu-1"
    row = connection.execute("SELECT state, attempts, answer FROM register.delivery ORDER BY delivery_id LIMIT 1").fetchone()
    assert row == {"state": "dead", "attempts": deliveries.MOST_ATTEMPTS, "answer": "503"}
    assert deliveries.revive(connection, "desk", now_us=now_us) == 2
    assert deliveries.heads(connection, [], now_us=now_us)[0].delivery_id == first.delivery_id
    assert deliveries.heads(connection, ["desk"], now_us=now_us) == []


def test_ten_thousand_alarms_at_once(connection: Connection[DictRow]) -> None:
    connection.execute("INSERT INTO register.webhook (name, url, secret) VALUES ('desk', 'http://x', 's')")
    rule = rows.load_rules(connection).of("offline", Scope(SITE, "obu", None))
    findings = [Finding("offline", f"d{number}", SITE, rule) for number in range(MANY)]
    times, pid = {}, connection.info.backend_pid
    for name, work in {
        "raised, each with an event and a delivery": lambda: rows.raise_alarms(connection, findings, now_us=NOW),
        "said again": lambda: rows.raise_alarms(connection, findings, now_us=NOW + S),
        "read": lambda: rows.standing(connection, ["offline"]),
        "over": lambda: rows.clear_alarms(connection, [finding.key for finding in findings], now_us=NOW + S),
        "cleared": lambda: rows.settle(connection, now_us=NOW + 60 * S),
    }.items():
        before_s = processor.taken_s([pid])
        work()
        times[name] = processor.taken_s([pid]) - before_s
    print("\n10,000 alarms, processor time: " + ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in times.items()))
    count = connection.execute("SELECT count(*) AS n FROM register.delivery").fetchone()
    assert count == {"n": 2 * MANY}
    assert max(times.values()) < BOUND_S
