"""The event board on a real registry, database and broker: signs join, rules propose and run, people decide, what came of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from chelu.api import Client
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.store import Database
from chelu.topics import Kind
from services.inference.city.findings import Finding, rows_to_store
from services.inference.storage import FINDING, Item, Storage
from services.registry.alarms import rows as alarm_rows
from services.registry.cases.sources import LEAST_ALARM
from tests.integration.registry.conftest import SITE, AddDevice, Place, chelu
from tests.integration.registry.fix_at_broker import MakeUnit, Send, registry_account, send, unit_hearing
from tests.waiting import until

__all__ = ["registry_account", "send", "unit_hearing"]

numbers = itertools.count()
Fresh = Callable[[], dict[str, Any]]


@pytest.fixture
def fresh() -> Fresh:
    """A place that no other case is near to."""
    return lambda: {"latitude_deg": 29.5332 + 0.2 * next(numbers), "longitude_deg": 106.503, "elevation_m": 245.0}


@pytest.fixture
def rule(send: Send) -> Iterator[Callable[..., str]]:
    """Sets a rule and, at the end, switches it off: it has proposed, so its record stays."""
    made: dict[str, dict[str, Any]] = {}

    def set_(kind: str, *then: dict[str, Any], **more: Any) -> str:
        name = f"rule-{next(numbers)}"
        made[name] = {"when": {"kinds": [kind]}, "then": list(then), **more}
        send("PUT", "rules", name, json=made[name])
        return name

    yield set_
    for name, body in made.items():
        send("PUT", "rules", name, json={**body, "is_enabled": False})


def opened(send: Send, kind: str, place: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return dict(send("POST", "cases", json={"kind": kind, **({"place": place} if place else {}), **more}))


def shown(send: Send, case: dict[str, Any]) -> dict[str, Any]:
    return dict(send("GET", "cases", str(case["case_id"])))


def change(send: Send, case: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return dict(send("PATCH", "cases", str(case["case_id"]), json=fields))


def proposed(send: Send, case: dict[str, Any], *states: str) -> list[dict[str, Any]]:
    """The case's proposals, once there are some and all are in these states."""

    def found() -> list[dict[str, Any]] | None:
        now = shown(send, case)["proposed"]
        return now if now and all(each["state"] in states for each in now) else None

    return until(found, 10, f"proposals that are {states}") or []


def events(case: dict[str, Any]) -> list[str]:
    return [each["event"] for each in case["history"]]


def audited(place: Place, what: str, actor: str) -> int:
    with psycopg.connect(place.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM register.audit WHERE what = %s AND actor = %s", (what, actor)).fetchone()
    return int(row[0]) if row else 0


def test_a_report_of_a_citizen_joins_what_an_operator_has_seen(send: Send, fresh: Fresh) -> None:
    place = fresh()
    case = opened(send, "breakdown", place, duty="road crew 2")
    assert (case["kind"], case["state"], case["duty"], case["severity"]) == ("obstruction", "acting", "road crew 2", "major")
    near = {**place, "latitude_deg": place["latitude_deg"] + 0.0004}
    report = {
        "kind": "accident",
        "text": "a truck, hazard lights on",
        "place": near,
        "reference": "12345-1",
        "severity": "critical",
    }
    joined = send("POST", "citizen-reports", json=report)
    again = send("POST", "citizen-reports", json=report)  # the hotline sends it twice
    assert (joined["case_id"], again["case_id"], again["signs"]) == (case["case_id"], case["case_id"], 2)
    assert (again["severity"], events(again)) == ("critical", ["opened", "state", "duty", "joined"])
    elsewhere = send("POST", "citizen-reports", json={"kind": "accident", "place": fresh()})
    assert elsewhere["case_id"] != case["case_id"]
    for one in (case, elsewhere):
        assert change(send, one, state="resolved", comment="towed")["over"]


def test_a_new_sign_opens_again_what_seemed_over_and_what_is_closed_stays(send: Send, fresh: Fresh) -> None:
    place = fresh()
    case = opened(send, "debris", place)
    change(send, case, state="resolved")
    again = opened(send, "debris", place)
    assert (again["case_id"], again["state"], again["over"]) == (case["case_id"], "open", None)
    change(send, case, state="resolved")
    assert change(send, case, state="closed")["state"] == "closed"
    other = opened(send, "debris", place)
    assert other["case_id"] != case["case_id"]
    with pytest.raises(RefusedError, match="state = open is not allowed: nothing: closed is its end"):
        change(send, case, state="open")
    change(send, other, state="dismissed")


def test_an_alarm_becomes_a_case_and_ends_it(send: Send, add_device: AddDevice, place: Place) -> None:
    add_device("silent-1", Kind.RSU, latitude_deg=29.1, longitude_deg=106.1)

    def so(subject: str, *, is_so: bool = True) -> None:
        with psycopg.connect(place.database_url, row_factory=dict_row) as connection:
            now_us = SystemClock().wall_us()
            if is_so:
                alarm_rows.raise_alarm(connection, "odd-left", subject, site_id=SITE, now_us=now_us)
            else:
                alarm_rows.clear_alarm(connection, "odd-left", subject, site_id=SITE, now_us=now_us)

    def found(spot: str) -> dict[str, Any] | None:
        cases = send("GET", "cases", params={"which": "all"})["cases"]
        return next((each for each in cases if each["spot"] == spot), None)

    assert LEAST_ALARM == "major"
    so("silent-1")
    case = until(partial(found, "silent-1"), 10, "the alarm to be a case") or {}
    assert (case["kind"], case["latitude_deg"], case["going_on"]) == ("track", 29.1, 1)
    so("silent-1", is_so=False)
    until(lambda: shown(send, case)["going_on"] == 0, 10, "the alarm to be over")
    with psycopg.connect(place.database_url, autocommit=True) as connection:  # let a minute pass
        sql = "UPDATE register.case_sign SET at = at - interval '2 min', ended = ended - interval '61 s' WHERE case_id = %s"
        connection.execute(sql, (case["case_id"],))
    until(lambda: shown(send, case)["state"] == "resolved", 10, "the case to be resolved")
    assert events(shown(send, case)) == ["opened", "ended", "state"]

    so("silent-2")
    unheard = until(partial(found, "silent-2"), 10, "the other alarm to be a case") or {}
    with psycopg.connect(place.database_url, autocommit=True) as connection:  # as if the alarm were older than the board
        connection.execute("DELETE FROM register.city_case WHERE case_id = %s", (unheard["case_id"],))
    so("silent-2", is_so=False)
    so("silent-3")
    until(partial(found, "silent-3"), 10, "what comes after it to be a case")
    assert found("silent-2") is None


def test_a_person_approves_a_road_event_that_is_withdrawn_when_the_case_is_over(
    send: Send, unit_hearing: MakeUnit, fresh: Fresh, rule: Callable[..., str], place: Place
) -> None:
    unit_hearing("rsi/down", "teller-1")
    name = rule("obstruction", {"do": "road_event", "code": 101, "text": "obstacle ahead", "units": ["teller-1"]})
    case = opened(send, "accident", fresh())
    (proposal,) = proposed(send, case, "proposed")
    assert (proposal["rule_id"], proposal["held"]) == (name, "")
    before = audited(place, "case_proposal", "administrator")
    done = send("POST", "proposals", str(proposal["proposal_id"]), "approve", json={"comment": "do"})
    assert (done["state"], done["settled_by"], done["is_by_rule"]) == ("done", "administrator", False)
    assert audited(place, "case_proposal", "administrator") == before + 1
    event = send("GET", "road-events", str(done["outcome"]["event_id"]))
    assert (event["code"], event["standing"], event["place"]["latitude_deg"]) == (101, "holds", case["latitude_deg"])
    with pytest.raises(RefusedError, match="is done"):
        send("POST", "proposals", str(proposal["proposal_id"]), "reject", json={})
    change(send, case, state="resolved", comment="towed")
    until(lambda: shown(send, case)["proposed"][0]["undone"], 10, "the event to be taken back")
    assert send("GET", "road-events", str(event["event_id"]))["standing"] == "withdrawn"
    assert events(shown(send, case))[-1] == "taken back"
    in_the_past(place, name, "judge_at")
    record = until(lambda: has_record(send, name, helped=1), 10, "the rule to be judged") or {}
    assert (record["done"], record["by_itself"], record["success"], record["not_helped"]) == (1, 0, 1.0, 0)
    assert record["over_s_with"] < 60


def in_the_past(place: Place, name: str, column: str) -> None:
    """Let so much time pass for a rule's proposals that what is to come has come: only what lies behind does not move."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(f"UPDATE register.case_proposal SET {column} = now() WHERE rule_id = %s".encode(), (name,))


def has_record(send: Send, name: str, **counts: int) -> dict[str, Any] | None:
    record: dict[str, Any] = send("GET", "rules", name)["record"]
    return record if all(record[key] == value for key, value in counts.items()) else None


def test_a_rule_runs_by_itself_within_its_limits_and_puts_signals_back(
    send: Send, client: Client, add_device: AddDevice, fresh: Fresh, rule: Callable[..., str], place: Place
) -> None:
    add_device("light-1", Kind.SIGNAL, labels={"signal-control": "greedy", "arm": "north"})
    plan = {"do": "signal_plan", "signals": ["light-1"], "greens_s": [40, 15]}
    name = rule("congestion", plan, runs_by_itself=True, limits={"per_hour": 9, "at_once": 1})
    case = opened(send, "jam", fresh())
    (ran,) = proposed(send, case, "done")
    assert (ran["is_by_rule"], ran["settled_by"]) == (True, f"rule {name}")
    assert client.device("light-1").labels == {"signal-control": "manual", "signal-plan": "40,15", "arm": "north"}
    assert audited(place, "device", f"rule {name}") == 1
    other = opened(send, "jam", fresh())
    (waits,) = proposed(send, other, "proposed")
    assert waits["held"] == "1 of 1 actions at once"
    rejected = send("POST", "proposals", str(waits["proposal_id"]), "reject", json={"comment": "one is enough"})
    assert (rejected["state"], rejected["comment"]) == ("rejected", "one is enough")
    for one in (case, other):
        change(send, one, state="resolved")
    until(
        lambda: client.device("light-1").labels == {"signal-control": "greedy", "arm": "north"}, 10, "the signal to be put back"
    )
    assert has_record(send, name, done=1, by_itself=1, rejected=1)


def test_what_cannot_be_done_has_failed_with_the_reason_and_left_nothing(
    send: Send, client: Client, add_device: AddDevice, fresh: Fresh, rule: Callable[..., str], place: Place
) -> None:
    add_device("light-2", Kind.SIGNAL)
    rule("crowd", {"do": "road_event", "code": 101})
    name = rule("crowd", {"do": "signal_plan", "signals": ["light-2", "light-of-others"], "greens_s": [20, 20]})
    case = opened(send, "crowd", fresh())
    until(lambda: len(shown(send, case)["proposed"]) == 2, 10, "two proposals")
    event, proposal = sorted(proposed(send, case, "proposed"), key=lambda one: one["action"]["do"])
    failed = send("POST", "proposals", str(proposal["proposal_id"]), "approve", json={})
    assert (failed["state"], failed["answer"]) == ("failed", "there is no signal of the site 'light-of-others'")
    assert client.device("light-2").labels == {}
    assert has_record(send, name, failed=1, done=0)
    with pytest.raises(RefusedError, match="has proposed 1 times"):
        send("DELETE", "rules", name)
    with psycopg.connect(place.database_url, autocommit=True) as connection:  # higher than a message can say
        connection.execute("UPDATE register.city_case SET elevation_m = 7000 WHERE case_id = %s", (case["case_id"],))
    too_high = send("POST", "proposals", str(event["proposal_id"]), "approve", json={})
    assert (too_high["state"], "elevation_m" in too_high["answer"]) == ("failed", True)
    change(send, case, state="dismissed")


def test_commands_and_webhooks_are_sent_and_nobody_deciding_lets_a_proposal_expire(
    send: Send, client: Client, add_device: AddDevice, fresh: Fresh, rule: Callable[..., str], place: Place
) -> None:
    add_device("cam-1", Kind.SENSOR)
    client.people("POST", "webhooks", json={"name": "tower", "url": "http://127.0.0.1:9/cases", "site": SITE})
    command = {"do": "command", "selection": {"devices": ["cam-1"]}, "command": "capture", "parameters": {"seconds": 60}}
    name = rule("flood", command, {"do": "webhook", "webhook": "tower"}, runs_by_itself=True)
    waiting = rule("flood", {"do": "webhook", "webhook": "tower"})
    case = opened(send, "flood", fresh())
    until(lambda: len(shown(send, case)["proposed"]) == 3, 10, "three proposals")
    by_rule = {each["rule_id"]: each for each in proposed(send, case, "done", "proposed")}
    first, second = [each for each in shown(send, case)["proposed"] if each["rule_id"] == name]
    dispatch = client.people("GET", "dispatches", str(first["outcome"]["dispatch_id"]))
    assert (dispatch["body"], dispatch["actor"]) == ({"command": "capture", "seconds": 60}, f"rule {name}")
    (delivery,) = client.people("GET", "webhooks", "tower", "deliveries")
    assert delivery["delivery_id"] == second["outcome"]["delivery_id"]
    assert (delivery["body"]["event"], delivery["body"]["case_id"]) == ("case", case["case_id"])
    assert by_rule[waiting]["state"] == "proposed"
    in_the_past(place, waiting, "expires")
    until(lambda: has_record(send, waiting, expired=1), 10, "the proposal to expire")
    in_the_past(place, name, "judge_at")  # and the case is not over
    record = until(lambda: has_record(send, name, not_helped=2), 10, "the rule to be judged") or {}
    assert record["success"] == 0.0
    change(send, case, state="dismissed")


def test_an_incident_that_inference_found_becomes_a_case(send: Send, place: Place, fresh: Fresh) -> None:
    where, now_us = fresh(), SystemClock().wall_us()
    found = Finding(
        site_id=SITE,
        finding_id=f"{SITE}/stopped_vehicle/7",
        kind="stopped_vehicle",
        severity="major",
        since_us=now_us - 20_000_000,
        place=(where["latitude_deg"], where["longitude_deg"], 245.0),
        spot="gate_0",
        text="a vehicle stands on gate_0, 100 m along",
    )
    database = Database(place.database_url)
    storage = Storage(database, SystemClock(), limit_rows=100)
    storage.start()

    def case(state: str) -> dict[str, Any] | None:
        cases = send("GET", "cases", params={"kind": "obstruction"})["cases"]
        return next((one for one in cases if one["spot"] == "gate_0" and one["going_on"] == (state == "began")), None)

    for one, state in ((found, "began"), (found.over(), "over")):
        storage.put(Item(FINDING, rows_to_store([one], SystemClock().wall_us())))
        made = until(partial(case, state), 20, f"the finding that {state}") or {}
    storage.stop(5.0)
    database.close()
    assert (made["title"], made["severity"], made["state"]) == (found.text, "major", "open")
    assert events(shown(send, made)) == ["opened", "ended"]
    change(send, made, state="resolved")


def test_the_board_as_it_is_typed(place: Place, send: Send, fresh: Fresh, tmp_path: Any) -> None:
    where = fresh()
    coordinates = ("--latitude", str(where["latitude_deg"]), "--longitude", str(where["longitude_deg"]))
    made = chelu(place, "case", "open", "--site", SITE, "--kind", "dark_signal", *coordinates, "--json")
    assert made.returncode == 0, made.stderr
    number = str(json.loads(made.stdout)["case_id"])
    told = chelu(place, "case", "report", "--site", SITE, "--kind", "signal_fault", *coordinates, "--text", "all dark")
    assert f"case_id        {number}" in told.stdout, told.stdout + told.stderr
    assert "all dark" in chelu(place, "case", "show", number, "--site", SITE).stdout
    listed = chelu(place, "case", "list", "--site", SITE, "--kind", "signal")
    assert number in listed.stdout.splitlines()[1]
    acting = chelu(place, "case", "change", number, "--site", SITE, "--duty", "lights 1", "--json")
    assert json.loads(acting.stdout)["state"] == "acting"
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"when": {"kinds": ["other"]}, "then": [{"do": "webhook", "webhook": "nobody"}]}))
    set_ = chelu(place, "case", "rules", "set", "typed", "--site", SITE, "--file", str(file))
    assert "other from info on" in set_.stdout, set_.stderr
    other = opened(send, "other", spot="hall")
    (proposal,) = proposed(send, other, "proposed")
    approved = chelu(place, "case", "approve", str(proposal["proposal_id"]), "--site", SITE)
    assert "there is no webhook for the site 'nobody'" in approved.stdout
    assert "failed" in chelu(place, "case", "proposals", "--site", SITE, "--rule", "typed").stdout
    missing = chelu(place, "case", "show", "999999", "--site", SITE)
    assert (missing.returncode, "there is no case '999999'" in missing.stderr) == (1, True)
    for one in (number, str(other["case_id"])):
        send("PATCH", "cases", one, json={"state": "dismissed"})


def test_a_sighting_without_a_place_is_refused(send: Send) -> None:
    with pytest.raises(RefusedError, match="a place or a spot"):
        send("POST", "cases", json={"kind": "accident"})
    with pytest.raises(RefusedError, match="one of accident"):
        send("POST", "citizen-reports", json={"kind": "offline", "spot": "rsu-1"})
