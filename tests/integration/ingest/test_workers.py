"""Several workers share what is said by MQTT 5's shared subscriptions; one that is killed is succeeded under its own name."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec import cv2x
from edge.agent import Agent
from edge.settings import EdgeSettings
from tests.integration.ingest.conftest import Site
from tests.unit.ingest.crafted import bsm_batch
from tests.waiting import until

WORKERS = 3
AGENTS = ("a1", "a2")
REPORTS = 400  # of each agent
STORED = """SELECT body ->> 'n' FROM stream.report JOIN register.device USING (device_key)
    WHERE report.stream = 'warning' AND device_id = '{}'"""


class Crew:
    """Workers 1 … n of one site; `crew[k]` is the process of worker k."""

    def __init__(self, site: Site, size: int) -> None:
        self.site, self.size = site, size
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        for worker in range(1, size + 1):
            self.start(worker)

    def start(self, worker: int) -> None:
        self.site.environ |= {"CHELU_INGEST_WORKERS": str(self.size), "CHELU_INGEST_WORKER": str(worker)}
        self.processes[worker] = self.site.start()

    def kill(self, worker: int) -> None:
        self.processes[worker].kill()
        self.processes[worker].wait()


@pytest.fixture
def crew(cold_site: Site) -> Crew:
    for name in AGENTS:
        cold_site.register(name, "obu", "deployed")
    return Crew(cold_site, WORKERS)


def make_agent(site: Site, name: str, directory: Path) -> Agent:
    settings = EdgeSettings.check(
        {
            "kind": "obu",
            "id": name,
            "broker": site.broker.url,
            "heartbeat_s": 0.5,
            "spool": {"directory": directory / f"edge-{name}"},
            "delivery": {"resend_s": 2.0, "window": 100},
        },
        source="test",
    )
    return Agent(settings, SystemClock())


@pytest.fixture
def agents(crew: Crew, tmp_path: Path) -> Iterator[list[Agent]]:
    agents = [make_agent(crew.site, name, tmp_path) for name in AGENTS]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.wait_connected(10)
    yield agents
    for agent in agents:
        agent.stop()


def stored(site: Site, agent: str) -> Counter[int]:
    return Counter(int(row[0]) for row in site.rows(STORED.format(agent)))


def test_each_message_is_stored_once_though_workers_are_killed(crew: Crew, agents: list[Agent]) -> None:
    """No receipt passes a hole: an agent forgets what is receipted, so what is missing in the end was receipted wrongly."""
    killed = itertools.cycle(range(1, WORKERS + 1))
    for number in range(REPORTS):
        for agent in agents:
            agent.report("warning", {"n": number})
        if number % 50 == 25:
            worker = next(killed)
            crew.kill(worker)
            crew.start(worker)
    until(lambda: all(agent.waiting["events"] < 5 for agent in agents), 60, "all receipts")
    for name in AGENTS:
        assert stored(crew.site, name) == Counter(range(REPORTS))
    received, kept, dropped = crew.site.books()
    assert received == kept + sum(dropped.values())
    assert set(dropped) <= {"duplicate"}
    assert all(process.poll() is None for process in crew.processes.values())


def test_an_agents_numbers_may_jump_when_it_is_started_again(crew: Crew, agents: list[Agent], tmp_path: Path) -> None:
    agents[0].report("warning", {"n": 0})
    until(lambda: agents[0].waiting["events"] < 5, 30, "receipts before")
    agents[0].stop()
    agents[0] = make_agent(crew.site, AGENTS[0], tmp_path)
    agents[0].start()
    agents[0].report("warning", {"n": 1})
    until(lambda: stored(crew.site, AGENTS[0]) == Counter([0, 1]) and agents[0].waiting["events"] < 5, 30, "receipts after")


def test_a_broker_that_forgets_everything_costs_no_message(crew: Crew, agents: list[Agent]) -> None:
    """Its queues and the workers' sessions are gone; agents send again what has no receipt."""
    for number in range(200):
        for agent in agents:
            agent.report("warning", {"n": number})
        if number == 100:
            (crew.site.work / "broker-sessions" / "mosquitto.db").unlink(missing_ok=True)
            crew.site.broker.kill()
    until(lambda: all(agent.waiting["events"] < 5 for agent in agents), 90, "all receipts")
    for name in AGENTS:
        assert stored(crew.site, name) == Counter(range(200))


def test_workers_share_the_work_and_judge_no_gaps(crew: Crew) -> None:
    session = Session(crew.site.broker.url, client_id="gateway", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    frames = cv2x.encode_bsm(bsm_batch(300, time_us=time.time_ns() // 1000))
    for index in range(300):
        assert session.publish("obu/o1/bsm/up", frames.frame(index)).is_accepted
    until(lambda: crew.site.books()[0] >= 300, 20, "300 rows in the books")
    assert crew.site.books() == (300, 300, {})
    assert crew.site.one("SELECT sum(missing) FROM stream.account") == 0
    assert crew.site.one("SELECT count(DISTINCT batch_id) FROM stream.account WHERE stream = 'bsm'") >= WORKERS
    session.stop()


def test_from_one_to_several_and_back_nothing_is_doubled(cold_site: Site) -> None:
    """The first worker takes up the session that a single one left, and its subscriptions; the second retires in the end."""
    session = Session(cold_site.broker.url, client_id="gateway", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    total = 0

    def say() -> None:
        nonlocal total
        for _ in range(30):
            session.publish("obu/o1/info/up", json.dumps({"n": total}).encode(), qos=1).wait(5)
            total += 1

    for size in (1, 2, 1):
        if size == 1 and total:
            say()  # nobody is there: the broker shares it between the sessions that the two left
            cold_site.environ |= {"CHELU_INGEST_WORKERS": "1", "CHELU_INGEST_WORKER": "2", "CHELU_INGEST_RETIRE": "1"}
            assert cold_site.start().wait(30) == 0
            del cold_site.environ["CHELU_INGEST_RETIRE"]
        crew = Crew(cold_site, size)
        say()
        until(lambda: cold_site.one("SELECT count(*) FROM stream.report") >= total, 20, "the reports")
        for process in crew.processes.values():
            process.terminate()
            process.wait(20)
    rows = Counter(int(row[0]) for row in cold_site.rows("SELECT body ->> 'n' FROM stream.report"))
    assert rows == Counter(range(total))
    session.stop()
