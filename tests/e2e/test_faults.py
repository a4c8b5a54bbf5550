"""Each part is killed in mid-stream: what must not be lost is stored once, and the books balance."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e.conftest import AgentProcess, Running
from tests.waiting import until

Notice = Callable[[int], bytes]
TOTAL = 240
PATIENCE_S = 60


def stored_numbers(running: Running) -> Counter[int]:
    """How often each numbered notice is stored."""
    return Counter(row["value"]["rtes"][0]["event_type"] for row in running.messages("rsi"))


def assert_stored_once_and_balanced(running: Running, total: int) -> None:
    """All notices are there once each, and received = stored + dropped for every stream."""
    wanted = Counter(range(total))
    until(lambda: set(stored_numbers(running)) == set(wanted), PATIENCE_S, f"{total} notices to be stored")
    assert stored_numbers(running) == wanted
    until(lambda: all(is_balanced(running, stream) for stream in running.client.accounts()), 10, "the books to balance")
    assert running.client.accounts()["rsi"].stored == total


def is_balanced(running: Running, stream: str) -> bool:
    account = running.client.accounts()[stream]
    return account.received == account.stored + sum(account.dropped.values())


def feed_around(running: Running, agent: AgentProcess, notice: Notice, fault: Callable[[], object]) -> None:
    """A third of the notices, the fault while the second third is on its way, and the rest."""
    third = TOTAL // 3
    agent.hear([notice(number) for number in range(third)])
    until(lambda: len(stored_numbers(running)) > 0, PATIENCE_S, "the first notice to be stored")
    agent.hear([notice(number) for number in range(third, 2 * third)])
    fault()
    agent.hear([notice(number) for number in range(2 * third, TOTAL)])


def test_a_broker_killed_in_mid_stream_loses_and_doubles_nothing(running: Running, agent: AgentProcess, notice: Notice) -> None:
    def kill() -> None:
        pid = running.site.kill("broker")
        running.site.wait_running("broker", other_than=pid)

    feed_around(running, agent, notice, kill)
    assert_stored_once_and_balanced(running, TOTAL)


def test_ingest_killed_in_mid_stream_loses_and_doubles_nothing(running: Running, agent: AgentProcess, notice: Notice) -> None:
    def kill() -> None:
        pid = running.site.kill("ingest")
        running.site.wait_running("ingest", other_than=pid)

    feed_around(running, agent, notice, kill)
    assert_stored_once_and_balanced(running, TOTAL)


def test_a_database_killed_and_back_loses_and_doubles_nothing(running: Running, agent: AgentProcess, notice: Notice) -> None:
    if "database" not in {part.name for part in running.site.status()}:
        pytest.skip("a database that was named is not killed; ingest's own tests cut its connections")

    def kill() -> None:
        pid = running.site.kill("database")
        running.site.wait_running("database", other_than=pid)

    feed_around(running, agent, notice, kill)
    assert_stored_once_and_balanced(running, TOTAL)


def test_an_agent_killed_with_a_full_spool_is_finished_by_its_successor(
    running: Running, agent: AgentProcess, notice: Notice
) -> None:
    agent.hear([notice(0)])
    until(lambda: len(stored_numbers(running)) == 1, PATIENCE_S, "the first notice to be stored")
    running.site.kill("broker", signal.SIGSTOP)
    frames = [notice(number) for number in range(1, TOTAL)]
    agent.hear(frames)
    until(lambda: all(map(agent.has_spooled, frames)), 20, "the notices to be on the agent's disk")
    agent.kill()
    pid = running.site.kill("broker")
    running.site.wait_running("broker", other_than=pid)
    agent.start()
    assert_stored_once_and_balanced(running, TOTAL)


def test_a_site_started_again_finds_its_data(running: Running, agent: AgentProcess, notice: Notice) -> None:
    agent.hear([notice(0)])
    until(lambda: len(stored_numbers(running)) == 1, PATIENCE_S, "the notice to be stored")
    assert agent.stop() == 0
    running.site.stop()
    running.site.start()
    assert [device.device_id for device in running.client.devices()] == ["rsu-1"]
    assert set(stored_numbers(running)) == {0}
