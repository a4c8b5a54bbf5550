"""Campaigns on a thousand simulated agents, a real registry, database and broker: every state is held against the truth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from chelu.api import Client
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.signing import Signer
from simulators.agents import trial
from simulators.agents.agent import SimulatedAgent
from simulators.agents.fetching import Packages
from simulators.agents.fleet import Fleet, agents_of
from simulators.agents.traits import Trait, spread
from simulators.agents.trial import Outcome
from simulators.load.command import need_files
from simulators.load.settings import CHONGQING
from tests.integration.registry.conftest import KEY, Place, chelu
from tests.integration.registry.fix_at_broker import registry_account
from tests.waiting import until

__all__ = ["registry_account"]

CLOCK = SystemClock()
FACTORY = {trial.NAME: "1.0"}
MAKER = "maker"
Connect = Callable[..., list[SimulatedAgent]]


class Registry:
    """A registry that can be killed and comes back."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._place.ready_file.unlink(missing_ok=True)
        with (self._place.directory / "registry.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "services.registry"], env=self._place.environment(), stderr=log)
        until(lambda: self._place.ready_file.exists() or process.poll() is not None, 30, "the registry to be ready")
        return process

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def again(self) -> None:
        self.process = self._start()


@pytest.fixture(scope="module")
def killable(place: Place) -> Iterator[Registry]:
    registry = Registry(place)
    yield registry
    registry.process.send_signal(signal.SIGTERM)
    assert registry.process.wait(15) == 0, (place.directory / "registry.log").read_text()


@pytest.fixture(scope="module")
def registry(killable: Registry) -> subprocess.Popen[bytes]:
    return killable.process


@pytest.fixture(scope="module")
def signer(client: Client) -> Signer:
    made = Signer.new()
    client.people("POST", "signing-keys", json={"name": MAKER, "public_key": made.public_key})
    return made


@pytest.fixture
def connect(client: Client, mosquitto_port: int, place: Place, signer: Signer, tmp_path: Path) -> Iterator[Connect]:
    """Connects agents of a site of their own, and answers them."""
    await_registry(place)
    with ExitStack() as stack:

        def connect(site: str, count: int, faults: Mapping[Trait, float], *, late_s: float = 0.0) -> list[SimulatedAgent]:
            need_files(count + 64)
            names = [f"{site}-{number:04d}" for number in range(count)]
            url = f"mqtt://127.0.0.1:{mosquitto_port}"
            secrets = place.directory / f"{site}.json"
            accounts = trial.enrolled(client, names, site=site, origin=CHONGQING, broker_url=url, secrets=secrets)
            agents = agents_of(names, spread(count, faults, 7), seed=7, late_s=late_s, versions=FACTORY)
            stack.enter_context(Fleet(agents, accounts, CLOCK, Packages(tmp_path / site, {MAKER: signer.public_key})))
            trial.await_known(client, site, count, CLOCK, within_s=30)
            return agents

        yield connect


def await_registry(place: Place) -> None:
    log = place.directory / "registry.log"
    until(lambda: "devices that want to join are heard" in log.read_text(), 30, "the registry to be at the broker")


def ended(client: Client, name: str, agents: list[SimulatedAgent], within_s: float = 120) -> Outcome:
    begun_s = time.monotonic()
    found = trial.follow(client, name, CLOCK, within_s=within_s, told=lambda _: None)
    outcome = trial.judged(client, found, agents, time.monotonic() - begun_s)
    counts = f"{dict(outcome.orders)}, {outcome.attempts} sent"
    print(f"\n{name}: {found['phase']} ({found['reason']}) in {outcome.seconds:.1f} s, {counts}")
    return outcome


def test_agents_that_end_have_said_good_bye(client: Client, place: Place, mosquitto_port: int, tmp_path: Path) -> None:
    names, url = ["ends-0", "ends-1"], f"mqtt://127.0.0.1:{mosquitto_port}"
    accounts = trial.enrolled(client, names, site="ends", origin=CHONGQING, broker_url=url, secrets=place.directory / "ends.json")
    agents = agents_of(names, spread(2, {}, 7), seed=7, late_s=0.0, versions=FACTORY)
    await_registry(place)
    with Fleet(agents, accounts, CLOCK, Packages(tmp_path / "ends", {})):
        trial.await_known(client, "ends", 2, CLOCK, within_s=30)

    def reasons() -> list[str]:
        return [client.people("GET", "devices", name, "health")["reason"] for name in names]

    until(lambda: reasons() == ["stopped", "stopped"], 30, "their good-byes")


@pytest.mark.slow
def test_a_configuration_for_a_thousand_agents_of_which_fifty_are_lossy_ends_with_every_state_true(
    client: Client, connect: Connect
) -> None:
    agents = connect("thousand", 1000, {Trait.LOSSY: 0.05})
    trial.begin(client, "thousand", agents, change={"heartbeat_s": 5}, most_at_once=300, lasting_s=15)
    outcome = ended(client, "thousand", agents)
    assert outcome.false == []
    assert outcome.campaign["phase"] == "done"
    assert sum(outcome.orders.values()) == 1000
    assert outcome.traits["honest", "applied"] == 950
    assert outcome.traits["lossy", "applied"] + outcome.traits["lossy", "timed out"] == 50
    assert outcome.traits["lossy", "applied"] > 25  # what was lost was sent again
    assert outcome.attempts > 1000
    assert all(agent.config["heartbeat_s"] == 5 for agent in agents if agent.trait is Trait.HONEST)
    sizes = [wave["devices"] for wave in outcome.campaign["waves"]]
    assert sizes == [50, 200, 750]


@pytest.mark.slow
def test_whatever_agents_do_states_stay_true_and_the_campaign_goes_on(client: Client, connect: Connect) -> None:
    wrong = (Trait.STRAY, Trait.DOUBLE, Trait.LATE, Trait.LIAR, Trait.FULL, Trait.SILENT, Trait.LOSSY)
    agents = connect("bad", 210, dict.fromkeys(wrong, 0.1), late_s=12)
    trial.begin(client, "bad", agents, change={"heartbeat_s": 5}, most_failed=1.0, lasting_s=10, waves=[0.3, 1.0])
    outcome = ended(client, "bad", agents)
    until(lambda: trial.judged(client, outcome.campaign, agents, 0).traits["late", "applied"] == 21, 20, "the late words")
    outcome = trial.judged(client, outcome.campaign, agents, 0)
    assert outcome.false == []
    assert outcome.campaign["phase"] == "done"
    by_trait = {trait: {state for (it, state) in outcome.traits if it == trait} for trait in Trait}
    for trait in (Trait.HONEST, Trait.STRAY, Trait.DOUBLE, Trait.LATE):
        assert by_trait[trait] == {"applied"}, trait
    assert by_trait[Trait.LIAR] == by_trait[Trait.FULL] == {"failed"}
    assert by_trait[Trait.SILENT] == {"timed out"}
    page = client.people("GET", "config", params={"site": "bad", "limit": 500})["configurations"]
    traits = {agent.device_id: agent.trait for agent in agents}
    assert {traits[row["device_id"]] for row in page if row["strays"]} == {Trait.STRAY}
    liars = {row["device_id"]: row["differences"] for row in page if traits[row["device_id"]] is Trait.LIAR}
    assert all(differences[0]["field"] == "heartbeat_s" for differences in liars.values())


@pytest.mark.slow
def test_firmware_goes_on_after_the_registry_was_killed(
    client: Client, connect: Connect, killable: Registry, signer: Signer
) -> None:
    agents = connect("firm", 300, {Trait.LOSSY: 0.05})
    package = trial.add_package(client, signer, MAKER, "2.0", os.urandom(1_500_000))
    trial.begin(client, "firm", agents, package_id=package, most_at_once=60, lasting_s=45, most_failed=0.5)

    def good() -> int:
        return sum(int(wave["good"]) for wave in client.people("GET", "campaigns", "firm")["waves"])

    until(lambda: good() >= 30, 60, "some to be upgraded")
    killable.kill()
    before = sum(agent.versions == {trial.NAME: "2.0"} for agent in agents)
    killable.again()
    outcome = ended(client, "firm", agents)
    assert before < 300
    assert outcome.false == []
    assert outcome.campaign["phase"] == "done"
    assert outcome.traits["honest", "applied"] == 285
    assert all(agent.versions == {trial.NAME: "2.0"} for agent in agents if agent.trait is Trait.HONEST)


@pytest.mark.slow
def test_firmware_is_taken_back_when_too_many_fail(client: Client, connect: Connect, signer: Signer) -> None:
    faults = {Trait.FULL: 0.15, Trait.PRETENDER: 0.1, Trait.LIAR: 0.1, Trait.DOUBLE: 0.1}
    agents = connect("fails", 200, faults)
    package = trial.add_package(client, signer, MAKER, "3.0", os.urandom(300_000))
    trial.begin(
        client, "fails", agents, package_id=package, most_at_once=30, most_failed=0.2, on_failure="roll back", lasting_s=60
    )
    outcome = ended(client, "fails", agents)
    assert outcome.campaign["phase"] == "rolled back"
    assert "failed, 20% may" in outcome.campaign["reason"]
    assert all(agent.versions == FACTORY for agent in agents if agent.trait is not Trait.PRETENDER)
    devices = client.people("GET", "campaigns", "fails", "devices")["devices"]
    begun = [each for each in devices if each["state"] not in {None, "superseded"} or each["back"]]
    assert {each["back"] for each in begun} == {"applied"}
    assert any(each["state"] is None for each in devices)  # whose turn never came
    details = {each["detail"] for each in devices if each["state"] == "failed"}
    assert any("no room" in detail for detail in details)
    assert {detail for detail in details if "it says that it is done" in detail or "it has fetched" in detail}
    assert outcome.false == []


def test_a_campaign_is_paused_gone_on_with_and_taken_back(client: Client, connect: Connect, place: Place) -> None:
    agents = connect("few", 12, {})
    body = {
        "campaign_id": "few",
        "selection": {"site": "few"},
        "change": {"run_status_s": 30},
        "waves": [0.5, 1.0],
        "most_at_once": 1,
    }
    client.people("POST", "campaigns", json=body)
    paused = client.people("POST", "campaigns", "few", "pause")
    assert (paused["phase"], paused["reason"]) == ("paused", "by administrator")
    with pytest.raises(RefusedError, match="campaign few is paused: after it only from running"):
        client.people("POST", "campaigns", "few", "pause")
    until(lambda: not sum(wave["open"] for wave in client.people("GET", "campaigns", "few")["waves"]), 10, "the one at it to end")
    assert client.people("GET", "campaigns", "few")["phase"] == "paused"
    client.people("POST", "campaigns", "few", "resume", json={})
    assert ended(client, "few", agents).orders == {"applied": 12}
    assert all(agent.config["run_status_s"] == 30 for agent in agents)
    back = chelu(place, "campaigns", "roll-back", "few", "--follow")
    assert "rolled back" in back.stdout.splitlines()[-1], back.stderr
    assert all(agent.config["run_status_s"] == 60 for agent in agents)
    assert client.people("GET", "devices", "few-0000", "config")["desired"] == {}
    assert "few" in chelu(place, "campaigns", "list").stdout
    phases = [entry["after"]["phase"] for entry in client.audit(subject="few", what="campaign")]
    assert phases == ["running", "paused", "running", "done", "rolling back", "rolled back"]


def test_what_no_rule_allows_is_left_out_and_what_is_wrong_refused_by_field(
    client: Client, connect: Connect, signer: Signer, place: Place
) -> None:
    connect("ruled", 3, {})
    package = trial.add_package(client, signer, MAKER, "4.0", b"four")
    client.people("POST", "packages", str(package), "rules", json={"from_version": "0.9"})
    with pytest.raises(RefusedError, match="there is no organisation 'nobody'"):
        client.people("POST", "packages", str(package), "rules", json={"vendor": "nobody"})
    (general,) = [rule for rule in client.people("GET", "packages", str(package), "rules") if rule["model"]]
    client.people("DELETE", "packages", str(package), "rules", str(general["rule_id"]))
    whole = {"campaign_id": "ruled", "selection": {"site": "ruled"}, "package_id": package}
    for change, field, status in (
        ({}, "selection", 409),  # from 0.9 only
        ({"package_id": 10**9}, "package", 404),
        ({"waves": [0.5]}, "waves", 422),
        ({"waves": [1.0, 0.5, 1.0]}, "waves", 422),
        ({"change": {"heartbeat_s": 5}}, "(document)", 422),
        ({"most_failed": 2}, "most_failed", 422),
        ({"package_id": None, "change": {"heartbeat_s": 0}}, "change.heartbeat_s", 422),
        ({"selection": {"devices": ["ruled-9999"]}}, "device", 404),
    ):
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{place.url}/api/campaigns", json={**whole, **change}, headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field), answer.text
    client.people("POST", "packages", str(package), "rules", json={"from_version": "1.0"})
    assert client.people("POST", "campaigns", json=whole)["left_out"] == 0
    with pytest.raises(RefusedError, match="one that no campaign has had"):
        client.people("POST", "campaigns", json={**whole, "package_id": None, "change": {}})
    with pytest.raises(RefusedError, match=f"no campaign that names package {package}"):
        client.people("DELETE", "packages", str(package))
